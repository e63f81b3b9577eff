"""Commands as somebody at a terminal gives them: output, exit codes, and nothing else."""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sandbox.cli import main
from sandbox.cli.stage import free_port
from tests.apply_directory import CANARY, documents, write_directory

ALLOWED = "SELECT gender, count(*) AS n FROM residents GROUP BY gender"
REFUSED = "SELECT name, count(*) AS n FROM residents GROUP BY name"


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    def document(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def yunei(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    for name in ("YUNEI_TOKEN", "YUNEI_TOKEN_FILE", "YUNEI_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("YUNEI_DATA_DIR", str(tmp_path / "var"))

    def call(*arguments: object, stdin: str = "") -> Ended:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        with pytest.raises(SystemExit) as ended:
            main.run([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        assert CANARY not in out + err
        return Ended(int(ended.value.code or 0), out, err)

    return call


def paths(directory: Path) -> Sequence[object]:
    return "--catalog", directory / "catalog", "--policy", directory / "policies" / "clinic.yaml"


def test_apply_brings_a_directory_in_and_then_has_nothing_to_do(yunei: Any, tmp_path: Path) -> None:
    directory = write_directory(tmp_path / "dir")
    first, again = (yunei("apply", directory, "--json") for _ in range(2))
    assert (first.code, again.code) == (0, 0)
    assert first.document()["changed"]["policies"] == ["clinic"]
    assert again.document() == {"changed": {}, "declared": first.document()["declared"]}
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


def test_policy_check_judges_one_query(yunei: Any, tmp_path: Path) -> None:
    directory = write_directory(tmp_path / "dir")
    allowed = yunei("policy", "check", *paths(directory), "--sql", ALLOWED, "--json")
    assert allowed.code == 0
    assert {"allowed", "canonical_digest", "protection", "rewritten_sql"} <= set(allowed.document())
    assert allowed.document()["review"] == {"route": "auto"}, "the policy's first environment is dev, which is reviewed by rule"
    refused = yunei("policy", "check", *paths(directory), "--sql", REFUSED)
    assert refused.code == 1
    assert "COLUMN_NOT_GRANTED" in refused.out
    file = tmp_path / "q.sql"
    file.write_text(ALLOWED)
    assert "costs ε = 1" in yunei("policy", "check", *paths(directory), "--sql-file", file).out
    assert yunei("policy", "check", *paths(directory), "--sql", ALLOWED, "--sql-file", file).code == 2


def test_policy_check_judges_lines(yunei: Any, tmp_path: Path) -> None:
    directory = write_directory(tmp_path / "dir")
    lines = [{"id": 1, "sql": ALLOWED}, {"id": "b", "sql": REFUSED}, {"id": "c", "sql": ALLOWED, "purpose": "marketing"}]
    text = "\n".join(json.dumps(line) for line in lines) + "\n\n"
    ended = yunei("policy", "check", *paths(directory), "--jsonl", "-", stdin=text)
    verdicts = [json.loads(line) for line in ended.out.splitlines()]
    assert ended.code == 0
    assert [(one["id"], one["allowed"]) for one in verdicts] == [(1, True), ("b", False), ("c", False)]
    assert all(one["findings"] for one in verdicts[1:])


@pytest.mark.parametrize(
    "line",
    [
        "x",
        "[]",
        '"x"',
        "{}",
        '{"id": 1}',
        '{"id": {}, "sql": "SELECT 1"}',
        '{"sql": 1}',
        '{"sql": "x", "colour": 1}',
        '{"sql": "x", "environment": "test"}',
        '{"sql": "x", "environment": []}',
        "[" * 100_000,
    ],
)
def test_a_line_that_is_no_query_is_answered_all_the_same(yunei: Any, tmp_path: Path, line: str) -> None:
    text = f"{line}\n{json.dumps({'id': 'last', 'sql': ALLOWED})}\n"
    ended = yunei("policy", "check", *paths(write_directory(tmp_path / "dir")), "--jsonl", "-", stdin=text)
    first, last = (json.loads(answer) for answer in ended.out.splitlines())
    assert ended.code == 2
    assert (first["allowed"], first["code"]) == (False, "MALFORMED")
    assert (last["id"], last["allowed"]) == ("last", True)


def test_a_line_with_an_unusable_epsilon_is_refused_with_its_code(yunei: Any, tmp_path: Path) -> None:
    text = "\n".join(json.dumps({"sql": ALLOWED, "epsilon": epsilon}) for epsilon in ("0", "x", "99"))
    ended = yunei("policy", "check", *paths(write_directory(tmp_path / "dir")), "--jsonl", "-", stdin=text)
    answers = [json.loads(line) for line in ended.out.splitlines()]
    assert [(one["allowed"], one.get("code")) for one in answers] == [
        (False, "EPSILON_INVALID"),
        (False, "EPSILON_INVALID"),
        (False, "EPSILON_ABOVE_POLICY"),
    ]


def test_policy_check_resolves_the_documents_themselves(yunei: Any, tmp_path: Path) -> None:
    directory = write_directory(tmp_path / "dir")
    assert yunei("policy", "check", *paths(directory), "--json").document()["digest"].startswith("sha256:")
    files = documents()
    files["policies/clinic.yaml"]["tables"]["residents"]["columns"]["salary"] = {"use": ["group"]}
    ended = yunei("policy", "check", *paths(write_directory(directory, files)), "--sql", ALLOWED)
    assert ended.code == 1
    assert "POLICY_REFUSED" in ended.err
    for text in ("a: [", "a: 1\na: 2", "policy: x"):
        (directory / "policies" / "clinic.yaml").write_text(text)
        assert yunei("policy", "check", *paths(directory), "--sql", ALLOWED).code == 2
    assert yunei("policy", "check", "--catalog", tmp_path / "no", "--policy", tmp_path / "no", "--sql", ALLOWED).code == 2


def test_policy_test_runs_the_cases(yunei: Any, tmp_path: Path) -> None:
    assert yunei("policy", "test", write_directory(tmp_path / "one"), "--json").document()["passed"] is True
    files = documents()
    files["policies/clinic.yaml"]["cases"][0]["expect"] = {"refused": "COLUMN_NOT_GRANTED"}
    files["policies/clinic.yaml"]["cases"][1]["expect"] = "allowed"
    directory = write_directory(tmp_path / "two", files)
    ended = yunei("policy", "test", directory)
    assert ended.code == 1
    assert "NO" in ended.out
    assert "clinic case 0: expected COLUMN_NOT_GRANTED, found allowed" in ended.out
    assert "clinic case 1: expected allowed, found COLUMN_NOT_GRANTED" in ended.out
    assert "1:8 COLUMN_NOT_GRANTED: " in ended.out
    cases = yunei("policy", "test", directory, "--json").document()["cases"]
    assert [(one["case"], one["passed"], one["found"]) for one in cases] == [
        (0, False, ["allowed"]),
        (1, False, ["COLUMN_NOT_GRANTED"]),
    ]
    assert cases[1]["findings"][0]["span"]["start"] == 7


def test_a_case_that_expects_an_unknown_finding_is_a_fault_with_its_place(yunei: Any, tmp_path: Path) -> None:
    files = documents()
    files["policies/clinic.yaml"]["cases"][1]["expect"] = {"refused": "NOT_A_CODE"}
    directory = write_directory(tmp_path / "dir", files)
    for command in (("policy", "test", directory), ("policy", "check", *paths(directory)), ("apply", directory, "--check")):
        ended = yunei(*command)
        assert (ended.code, ended.out) == (2, "")
        assert "cases.1.expect.refused: FINDING_UNKNOWN" in ended.err or "cases[1].expect.refused: SHAPE" in ended.err
    facts = json.loads(yunei("policy", "test", directory, "--json").err)["facts"]
    assert facts["faults"][0]["path"] == "cases.1.expect.refused"


def test_policy_diff_passes_where_nothing_is_wider(yunei: Any, tmp_path: Path) -> None:
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    document = documents()["policies/clinic.yaml"]
    old.write_text(json.dumps(document))
    document["version"] = 2
    document["valid"]["max_jobs"] = 9
    new.write_text(json.dumps(document))
    narrower = yunei("policy", "diff", old, new)
    assert narrower.code == 0
    assert "valid.max_jobs" in narrower.out
    assert "2 changes, 0 wider" in narrower.out
    wider = yunei("policy", "diff", new, old, "--json")
    assert wider.code == 1
    assert wider.document()["wider"] is True
    assert [(one["path"], one["direction"]) for one in wider.document()["changes"]] == [
        ("version", "neutral"),
        ("valid.max_jobs", "wider"),
    ]
    same = yunei("policy", "diff", old, old)
    assert (same.code, same.out) == (0, "0 changes, 0 wider\n")


def test_policy_diff_compares_catalogs_and_names_what_is_no_document(yunei: Any, tmp_path: Path) -> None:
    directory = write_directory(tmp_path / "dir")
    files = documents()
    files["catalog/residents.yaml"]["columns"]["gender"]["level"] = "L1"
    files["catalog/residents.yaml"]["columns"].pop("name")
    other = write_directory(tmp_path / "other", files)
    ended = yunei("policy", "diff", directory / "catalog", other / "catalog", "--catalog", "--json")
    assert ended.code == 1
    assert [(one["path"], one["direction"]) for one in ended.document()["changes"]] == [
        ("residents.columns.gender.level", "wider"),
        ("residents.columns.name", "narrower"),
    ]
    wrong = yunei("policy", "diff", directory / "policies" / "clinic.yaml", other / "catalog" / "residents.yaml")
    assert wrong.code == 2
    assert "residents.yaml table: KEY_UNKNOWN" in wrong.err
    assert yunei("policy", "diff", tmp_path / "no", tmp_path / "no").code == 2


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
