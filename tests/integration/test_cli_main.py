"""Commands as somebody at a terminal gives them: output, exit codes, and nothing else."""

import json
from pathlib import Path
from typing import Any

import pytest

from sandbox.cli.stage import free_port
from tests.apply_directory import CANARY, documents, write_directory
from tests.cli_steps import Caller, caller


@pytest.fixture
def yunei(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Caller:
    return caller(tmp_path, monkeypatch, capsys)


def test_apply_brings_a_directory_in_and_then_has_nothing_to_do(yunei: Any, tmp_path: Path) -> None:
    directory = write_directory(tmp_path / "dir")
    first, again = (yunei("apply", directory, "--json") for _ in range(2))
    assert (first.code, again.code) == (0, 0)
    assert first.document()["changed"]["policies"] == ["clinic"]
    nothing = {"changed": {}, "simulated": {}, "quarantined": {}}
    assert again.document() == {**nothing, "declared": first.document()["declared"]}
    shown = yunei("apply", directory)
    assert shown.code == 0
    assert "organisations" in shown.out
    assert "ingest residents" in shown.err


def test_apply_lists_every_fault_and_applies_nothing(yunei: Any, tmp_path: Path) -> None:
    files = documents()
    files["people.yaml"][0]["roles"] = ["king"]
    files["budgets.yaml"][0]["delta"] = 0.1
    directory = write_directory(tmp_path / "dir", files)
    for option in ((), ("--check",)):
        ended = yunei("apply", directory, *option)
        assert (ended.code, ended.out) == (2, "")
        assert "people.yaml [0].roles[0]: SHAPE" in ended.err
        assert "budgets.yaml [0].delta: SHAPE" in ended.err
    facts = json.loads(yunei("apply", directory, "--json").err)["facts"]
    assert {fault["file"] for fault in facts["faults"]} == {"people.yaml", "budgets.yaml"}


def test_apply_can_check_alone_and_print_what_is_signed(yunei: Any, tmp_path: Path) -> None:
    directory = write_directory(tmp_path / "dir")
    assert yunei("apply", directory, "--check", "--json").document() == {"valid": True}
    assert not (tmp_path / "var").exists()
    text = yunei("apply", directory, "--signed-text").out
    assert text.startswith("yunei apply v2\nafter none\nsha256:")
    assert text.endswith("\n")
    assert yunei("apply", tmp_path / "missing").code == 2


def test_a_token_is_printed_once_and_can_be_ended(yunei: Any, tmp_path: Path) -> None:
    yunei("apply", write_directory(tmp_path / "dir"))
    made = yunei("token", "create", "--person", "per-an", "--scope", "jobs:read", "--days", "2")
    assert made.code == 0
    assert made.out.startswith("yn_")
    assert made.out.count("\n") == 1
    assert yunei("token", "revoke", "--json", stdin=made.out).document() == {"revoked": True}
    assert yunei("token", "revoke", "--json", stdin=made.out).document() == {"revoked": False}
    assert yunei("token", "create", "--person", "per-an", "--scope", "reviews:vote").code == 1
    assert yunei("token", "create", "--person", "per-nobody").code == 1
    assert yunei("token", "create", "--person", "per-an", "--days", "0").code == 2
    assert yunei("token", "revoke", "tok-unknown").code == 1


def test_the_trust_file_names_public_keys_only(yunei: Any, tmp_path: Path) -> None:
    yunei("apply", write_directory(tmp_path / "dir"))
    file = tmp_path / "trust.json"
    assert yunei("keys", "export", "--output", file).code == 0
    assert set(json.loads(file.read_text())) == {"log", "service", "owner-org-health"}
    assert yunei("keys", "export", "--output", tmp_path / "no" / "trust.json").code == 2


def test_verify_tells_a_bad_package_from_no_package(yunei: Any, tmp_path: Path) -> None:
    trust, package = tmp_path / "trust.json", tmp_path / "package.zip"
    trust.write_text("{}")
    assert yunei("verify", package, "--trust", trust).code == 2
    package.write_bytes(b"text")
    assert yunei("verify", package, "--trust", trust).code == 2
    package.write_bytes(b"PK\x03\x04 broken")
    ended = yunei("verify", package, "--trust", trust, "--json")
    assert ended.code == 1
    assert ended.document()["passed"] is False
    assert "NOT PASSED" in yunei("verify", package, "--trust", trust).out
    for text in ("[]", '{"log": 1}', "x"):
        trust.write_text(text)
        assert yunei("verify", package, "--trust", trust).code == 2


def test_migrate_says_whether_it_did_anything(yunei: Any) -> None:
    assert yunei("migrate", "--json").document() == {"changed": True}
    assert yunei("migrate").out == "up to date\n"


def test_a_wrong_setting_is_named_and_its_value_is_not(yunei: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YUNEI_PORT", "s3cret")
    ended = yunei("migrate")
    assert ended.code == 2
    assert "YUNEI_PORT" in ended.err
    assert "s3cret" not in ended.err


REMOTE = [
    ("sql", "check", "-a", "agr-a", "--purpose", "p", "--sql", "SELECT 1"),
    ("jobs", "submit", "-a", "agr-a", "--purpose", "p", "--sql", "SELECT 1"),
    ("jobs", "list"),
    ("jobs", "get", "job-x"),
    ("jobs", "wait", "job-x"),
    ("jobs", "watch", "job-x"),
    ("jobs", "cancel", "job-x"),
    ("jobs", "promote", "job-x"),
    ("reviews", "list"),
    ("reviews", "get", "req-x"),
    ("reviews", "vote", "req-x", "--decision", "approve", "--etag", "sha256:x"),
    ("releases", "list"),
    ("releases", "get", "rel-x"),
    ("releases", "content", "rel-x"),
    ("releases", "bundle", "rel-x"),
    ("releases", "recall", "rel-x", "--reason", "why"),
    ("releases", "replay", "rel-x"),
    ("agreements", "list"),
    ("agreements", "get", "agr-x"),
    ("agreements", "suspend", "agr-x", "--reason", "why"),
    ("agreements", "resume", "agr-x", "--reason", "why"),
    ("agreements", "end", "agr-x", "--reason", "why"),
    ("budgets",),
    ("audit", "events"),
    ("audit", "checkpoint"),
    ("audit", "proof", "0"),
    ("lineage", "job-x"),
]


@pytest.mark.parametrize("arguments", REMOTE, ids=[" ".join(line[:2]) for line in REMOTE])
def test_a_service_that_does_not_answer_is_a_fault(
    yunei: Any, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    assert yunei("--url", url, *arguments).err.startswith("UNAUTHENTICATED")
    monkeypatch.setenv("YUNEI_TOKEN", "yn_secret")
    ended = yunei("--url", url, *arguments)
    assert (ended.code, ended.out) == (3, "")
    assert ended.err.startswith("UNAVAILABLE")
    assert "yn_secret" not in ended.err


def test_a_token_file_is_read_and_a_clear_address_refused(yunei: Any, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("yn_token\n")
    assert yunei("--url", "http://example.invalid", "--token-file", file, "jobs", "list").err.startswith("SETTING_UNSAFE")
    assert yunei("--token-file", tmp_path / "missing", "jobs", "list").code == 1
    file.write_text("two\nlines")
    assert yunei("--token-file", file, "jobs", "list").err.startswith("UNAUTHENTICATED")


@pytest.mark.parametrize("arguments", [("bogus",), ("token", "create"), ("lineage", "x", "--direction", "sideways")])
def test_wrong_usage_is_unusable(yunei: Any, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]) -> None:
    monkeypatch.setenv("YUNEI_TOKEN", "yn_token")
    assert yunei(*arguments).code == 2


def test_a_defect_shows_no_traceback_and_no_message(yunei: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError(CANARY)

    monkeypatch.setattr("sandbox.cli.service.read_settings", fail)
    ended = yunei("migrate")
    assert ended.code == 3
    assert ended.err.startswith("DEFECT")
    assert "RuntimeError" in ended.err


def test_every_command_explains_itself(yunei: Any) -> None:
    names = [
        name
        for line in (*REMOTE, ("apply",), ("token", "create"), ("policy", "check"), ("doctor",), ("demo",))
        for name in [line[:2]]
    ]
    for name in dict.fromkeys(names):
        group = name if name[0] not in {"budgets", "lineage"} else name[:1]
        ended = yunei(*group, "--help")
        assert ended.code == 0
        assert "Usage" in ended.out
