"""`yunei policy`: judging offline, cases, differences, and the simulation over HTTP."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from sandbox.api.app import create_app
from sandbox.cli.stage import free_port
from sandbox.client import Client
from tests.apply_directory import documents, write_directory
from tests.cli_steps import Caller, caller
from tests.small_city import AGREEMENT, COUNT_SQL, City, ask, small_city

ALLOWED = "SELECT gender, count(*) AS n FROM residents GROUP BY gender"
REFUSED = "SELECT name, count(*) AS n FROM residents GROUP BY name"


@pytest.fixture
def yunei(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Caller:
    return caller(tmp_path, monkeypatch, capsys)


def paths(directory: Path) -> Sequence[object]:
    return "--catalog", directory / "catalog", "--policy", directory / "policies" / "clinic.yaml"


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


# --- the simulation


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with small_city(tmp_path_factory.mktemp("cli"), residents=300, visits=600) as made:
        made.submit(ask(COUNT_SQL, "dev"), "count")
        yield made


@pytest.fixture
def remote(city: City, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the command reach the application of the city without a network."""
    token = city.container.tenants.issue_token("per-mi", None, 1)
    with capture_logs(), TestClient(create_app(city.container)) as client:
        monkeypatch.setattr("sandbox.cli.policy.connect", lambda _context: Client("http://127.0.0.1:1", token, client._transport))
        yield


def clinic(city: City, path: Path, **changes: Any) -> Path:
    document = YAML(typ="safe", pure=True).load(city.directory / "city" / "policies" / "clinic-usage.yaml")
    path.write_text(json.dumps(document | {"version": 2} | changes, default=str, ensure_ascii=False))
    return path


@pytest.mark.usefixtures("remote")
def test_policy_simulate_tells_what_a_version_would_change(yunei: Any, city: City, tmp_path: Path) -> None:
    same = yunei("policy", "simulate", "--policy", clinic(city, tmp_path / "same.yaml"))
    assert (same.code, same.err) == (0, "")
    assert same.out == "1 个历史作业中有 0 个将被拒绝 / 0 of 1 past jobs would now be refused\n"
    prod = clinic(city, tmp_path / "prod.yaml", environment=["prod"])
    changed = yunei("policy", "simulate", "--policy", prod, "-a", AGREEMENT, "--newest", "5")
    assert changed.code == 0
    assert "1 of 1 past jobs would now be refused" in changed.out
    assert "POLICY_NOT_MATCHED" in changed.out
    document = yunei("policy", "simulate", "--policy", prod, "--json").document()
    assert (document["newly_refused"], document["codes"]) == (1, {"POLICY_NOT_MATCHED": 1})


@pytest.mark.usefixtures("remote")
def test_policy_simulate_refuses_what_cannot_be_asked(yunei: Any, city: City, tmp_path: Path) -> None:
    policy = clinic(city, tmp_path / "p.yaml")
    assert yunei("policy", "simulate", "--policy", policy, "-a", "agr-other").code == 2
    absent = yunei("policy", "simulate", "--policy", clinic(city, tmp_path / "absent.yaml", agreement="agr-nobodys"))
    assert (absent.code, absent.err.split(":")[0]) == (1, "NOT_FOUND")
    wrong = yunei("policy", "simulate", "--policy", clinic(city, tmp_path / "wrong.yaml", purpose=["fun"]))
    assert wrong.code == 2
    assert "wrong.yaml purpose.0: PURPOSE_UNKNOWN" in wrong.err


def test_policy_simulate_needs_a_token_and_a_service(
    yunei: Any, city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ("--url", f"http://127.0.0.1:{free_port()}", "policy", "simulate", "--policy", clinic(city, tmp_path / "p.yaml"))
    assert yunei(*arguments).err.startswith("UNAUTHENTICATED")
    monkeypatch.setenv("YUNEI_TOKEN", "yn_secret")
    ended = yunei(*arguments)
    assert (ended.code, ended.out) == (3, "")
    assert ended.err.startswith("UNAVAILABLE")
