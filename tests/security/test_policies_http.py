"""Both attack corpora over HTTP: a refusal quotes neither data nor an engine, and what runs gives noise and nothing else."""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from sandbox.api.app import create_app
from sandbox.api.routes import PREFIX
from tests.small_city import AGREEMENT, ENDED, PURPOSE, City, small_city

CORPORA = Path(__file__).parents[1] / "sql"
ANALYST, RECIPIENT = "per-an", "per-zhao"
VOTERS = {"residents": ("per-ning", "per-li"), "visits": ("per-ning", "per-wang")}
PEOPLE = (ANALYST, RECIPIENT, "per-ning", "per-wang", "per-li")
FORMS = ("csv", "json")

UNLINED = (
    "SELECT count(*) FROM residents -- x\rWHERE name = 'x'",
    "SELECT count(*) FROM residents -- x\r\nWHERE name = 'x'",
    "SELECT count(*) FROM residents -- x\u2028WHERE name = 'x'",
    "SELECT count(*) FROM residents -- x\u2029WHERE name = 'x'",
    "SELECT count(*) FROM residents -- x\u0085WHERE name = 'x'",
    "SELECT count(*) FROM residents -- x\x0bWHERE name = 'x'",
    "SELECT\x0ccount(*) FROM residents",
    "SELECT count(*) FROM residents\x00; DROP TABLE residents",
    "SELECT count(*) FROM residents WHERE gender = '\x00'",
    "SELECT count(*) FROM residents WHERE gender = '\x1b[2J'",
    "SELECT count(*) FROM residents WHERE gender = '\x7f'",
    "SELECT count(*) AS n\ud800 FROM residents",
    "SELECT count(*) FROM residents\nWHERE gender = 'F'\n;\nSELECT name\nFROM residents",
    "",
    " ",
    "\n",
)
"""Statements that files of one statement a line cannot hold."""

IN_PROD = (
    "SELECT count(*) AS n FROM residents WHERE district = '长安区' AND gender = 'F' AND year(birth_date) = 1950",
    "SELECT sum(LEAST(GREATEST(income - 49999, 0), 1) - LEAST(GREATEST(income - 50000, 0), 1)) AS n FROM residents",
    "SELECT hospital, avg(cost) AS m FROM visits GROUP BY hospital ORDER BY m DESC LIMIT 1",
    "SELECT sum(1 / (cost - 100)) AS n FROM visits WHERE department = '儿科'",
)
"""Of the protected attacks: a narrow count, an exact value by arithmetic, the dearest hospital, a division that meets zero."""

EQUAL = (
    "SELECT count(*) AS n FROM residents",
    *(f"SELECT count(*) AS n FROM residents WHERE {always}" for always in ("TRUE", "1 = 1", "gender = gender")),
    "SELECT count(*) AS n FROM (SELECT gender FROM residents) AS t",
    "SELECT sum(1) AS n FROM residents",
    "SELECT count(DISTINCT resident_id) AS n FROM residents",
)
"""Of the protected attacks: one count asked for again and again."""

ENGINE_WORDS = (
    *("binder error", "catalog error", "parser error", "conversion error", "invalid input error", "out of range error"),
    *("syntax error", "io error", "constraint error", "not implemented error", "internal error", "out of memory"),
    *("candidate", "did you mean", "no function matches", "referenced column", "could not convert", "could not parse"),
    *("duckdb", "sqlglot", "sqlite", "traceback", "parseerror", "tokenerror", "division by zero"),
)
"""What an engine or a parser would say; a word that the statement itself holds proves nothing."""

HEADERS = {
    *("content-type", "content-length", "content-language", "content-disposition", "content-digest", "vary", "location", "etag"),
    *("cache-control", "x-content-type-options", "content-security-policy", "referrer-policy", "cross-origin-resource-policy"),
    "x-accel-buffering",
}


def corpus(name: str) -> list[str]:
    lines = [line for path in sorted((CORPORA / name).glob("*.sql")) for line in path.read_text("utf-8").splitlines()]
    assert len(lines) == len(set(lines))
    return lines


ATTACKS, PROTECTED = corpus("attacks"), corpus("attacks_protected")


@dataclass(frozen=True)
class Exchange:
    """One answer, and the statement that it is about."""

    sql: str
    path: str
    status: int
    headers: dict[str, str]
    text: str

    @property
    def body(self) -> Any:
        return json.loads(self.text)


class Records(logging.Handler):
    """Keeps what any library logs, with its traceback."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@dataclass
class Wire:
    """The application over a city, everything that it answered, and everything that was logged meanwhile."""

    client: TestClient
    city: City
    headers: dict[str, dict[str, str]]
    lines: list[Any]
    records: Records
    exchanges: list[Exchange] = field(default_factory=list)

    def send(self, method: str, path: str, sql: str = "", person: str = ANALYST, **more: Any) -> Exchange:
        headers = self.headers[person] | more.pop("headers", {})
        answer = self.client.request(method, PREFIX + path, headers=headers, **more)
        self.exchanges.append(Exchange(sql, path, answer.status_code, dict(answer.headers), answer.text))
        return self.exchanges[-1]

    def check(self, sql: str) -> Exchange:
        return self.send("POST", "/sql/check", sql, content=asked(sql), headers={"Content-Type": "application/json"})

    def submit(self, sql: str, environment: str = "dev") -> Exchange:
        key = {"Idempotency-Key": f"job-{len(self.exchanges)}", "Content-Type": "application/json"}
        return self.send("POST", "/jobs", sql, content=asked(sql, environment), headers=key)

    def logged(self) -> str:
        return "\n".join([*self.records.lines, *(json.dumps(line, ensure_ascii=False, default=str) for line in self.lines)])

    def planted(self) -> list[str]:
        values = [str(value) for value in YAML(typ="safe").load(self.city.directory / "city" / "canaries.yaml")]
        assert len(values) >= 7
        spoken = {part for value in values for part in (value, value.rsplit("·", 1)[-1])}
        return [form for value in spoken for form in {value, json.dumps(value)[1:-1]}]


def asked(sql: str, environment: str = "dev") -> bytes:
    """Return the body of a request in plain ASCII: a lone surrogate has no UTF-8."""
    parameters = {"x": "1"} if "$x" in sql else {}
    fields = {"agreement": AGREEMENT, "purpose": PURPOSE, "environment": environment, "sql": sql, "parameters": parameters}
    return json.dumps(fields).encode()


def told(text: str, sql: str) -> list[str]:
    """Return the words of an engine in a text that are not the statement's own."""
    lowered, own = text.lower(), sql.lower()
    return [word for word in ENGINE_WORDS if word in lowered and word not in own]


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    directory, records, root = tmp_path_factory.mktemp("corpora"), Records(), logging.getLogger()
    with (
        pytest.MonkeyPatch.context() as patch,
        small_city(directory, residents=600, visits=2000) as city,
        capture_logs() as lines,
    ):
        patch.setattr("sandbox.api.events.LONGEST_STREAM_S", 1)
        patch.setattr(root, "level", logging.DEBUG)
        tenants = city.container.tenants
        headers = {name: {"Authorization": f"Bearer {tenants.issue_token(name, None, 1)}"} for name in PEOPLE}
        root.addHandler(records)
        with TestClient(create_app(city.container)) as client:
            yield Wire(client, city, headers, lines, records)
        root.removeHandler(records)


@pytest.fixture(scope="module")
def refused(wire: Wire) -> list[tuple[Exchange, Exchange]]:
    """Ask every attack, as a dry run and as a job."""
    return [(wire.check(sql), wire.submit(sql)) for sql in (*ATTACKS, *UNLINED)]


@pytest.fixture(scope="module")
def admitted(wire: Wire) -> list[Exchange]:
    """Submit every protected attack that the dry run allows; keep every other one and those of `EQUAL`, cancel the rest."""
    sent = [wire.submit(sql) for sql in PROTECTED if wire.check(sql).body["allowed"]]
    kept = [exchange for number, exchange in enumerate(sent) if number % 2 == 0 or exchange.sql in EQUAL]
    for exchange in sent:
        if exchange not in kept:
            assert wire.send("POST", f"/jobs/{exchange.body['id']}/cancel", exchange.sql).status == 200
    return kept


@pytest.fixture(scope="module")
def finished(wire: Wire, admitted: list[Exchange]) -> list[dict[str, Any]]:
    """Every job that ran in dev, at its end, with what its release holds."""
    return [fetched(wire, exchange.sql, wire.city.until(exchange.body["id"], ENDED), ANALYST) for exchange in admitted]


@pytest.fixture(scope="module")
def delivered(wire: Wire) -> list[dict[str, Any]]:
    """A few protected attacks from dev through promotion and two votes to their recipient."""
    for dev in [wire.submit(sql) for sql in IN_PROD]:
        assert wire.city.until(dev.body["id"], ENDED)["state"] == "released"
        key = {"Idempotency-Key": f"promote-{dev.body['id']}"}
        assert wire.send("POST", f"/jobs/{dev.body['id']}/promote", dev.sql, headers=key).status == 200
    jobs = [wire.submit(sql, "prod") for sql in IN_PROD]
    for job in jobs:
        approved(wire, job.sql, wire.city.until(job.body["id"], ENDED | {"in_egress"})["review"])
    return [fetched(wire, job.sql, wire.city.until(job.body["id"], ENDED), RECIPIENT) for job in jobs]


@pytest.fixture(scope="module")
def opened(wire: Wire, refused: list[Any], finished: list[Any], delivered: list[Any]) -> list[Exchange]:
    """Open, after all of this, every audit event and the events of some jobs as the analyst."""
    first = len(wire.exchanges)
    after = -1
    while after is not None:
        after = wire.send("GET", f"/audit/events?limit=100&after={after}").body["next"]
    for job in [*finished[::10], *delivered, *({"id": one.body["facts"]["job"]} for _, one in refused[::700])]:
        wire.send("GET", f"/jobs/{job['id']}/events")
    return wire.exchanges[first:]


def approved(wire: Wire, sql: str, review: str) -> None:
    """Let two people look at the evidence and approve it."""
    for person in VOTERS["visits" if "FROM visits" in sql else "residents"]:
        seen = wire.send("GET", f"/reviews/{review}", sql, person)
        bound = {"If-Match": seen.headers["etag"], "Idempotency-Key": f"vote-{review}"}
        ballot = {"decision": "approve", "comment": "seen"}
        assert wire.send("POST", f"/reviews/{review}/votes", sql, person, json=ballot, headers=bound).status == 200


def fetched(wire: Wire, sql: str, job: dict[str, Any], person: str) -> dict[str, Any]:
    """Return a job that has ended with the answers that hold its released bytes."""
    wire.send("GET", f"/jobs/{job['id']}", sql)
    contents = {form: wire.send("GET", f"/releases/{job['release']}/content?format={form}", sql, person) for form in FORMS}
    wire.send("GET", f"/releases/{job['release']}", sql, person)
    wire.send("GET", f"/lineage/{job['id']}", sql)
    return job | contents


def test_the_corpora_are_wide_enough() -> None:
    assert len(ATTACKS) >= 480
    assert len(PROTECTED) >= 60
    assert len(list((CORPORA / "attacks").glob("*.sql"))) >= 25
    assert {*IN_PROD, *EQUAL} <= set(PROTECTED)
    assert not set(ATTACKS) & set(PROTECTED)


def test_every_attack_is_refused_alike_by_dry_run_and_submission(refused: list[tuple[Exchange, Exchange]]) -> None:
    passed = [check.sql for check, _ in refused if check.status != 200 or check.body["allowed"] or not check.body["findings"]]
    assert not passed
    submitted = [job.sql for _, job in refused if (job.status, job.body["code"]) != (403, "POLICY_REFUSED")]
    assert not submitted
    assert not [job.sql for check, job in refused if job.body["findings"] != check.body["findings"]]
    assert not [check.sql for check, _ in refused if set(check.body) != {"allowed", "findings"}]


def test_a_refused_job_keeps_its_findings_and_nothing_else(wire: Wire, refused: list[tuple[Exchange, Exchange]]) -> None:
    for check, job in refused[:: len(refused) // 20]:
        kept = wire.send("GET", f"/jobs/{job.body['facts']['job']}", check.sql)
        assert (kept.status, kept.body["state"], kept.body["code"]) == (200, "refused", "POLICY_REFUSED")
        assert (kept.body["findings"], kept.body["review"], kept.body["release"]) == (check.body["findings"], None, None)


def test_a_protected_attack_is_judged_alike_by_dry_run_and_submission(wire: Wire, admitted: list[Exchange]) -> None:
    assert {exchange.status for exchange in admitted} == {202}
    assert len(admitted) >= 20
    assert not [sql for sql in PROTECTED if not wire.check(sql).body["allowed"]]


def test_what_was_admitted_in_dev_runs_to_its_release(finished: list[dict[str, Any]]) -> None:
    assert {(job["state"], job["code"], job["synthetic"]) for job in finished} == {("released", None, True)}
    assert {job[form].status for job in finished for form in FORMS} == {200}


def test_equal_questions_get_unequal_noise(finished: list[dict[str, Any]]) -> None:
    """No noise is a function of the question. At a standard deviation above 5, all answers agree once in 10⁵ runs at most."""
    answers = [job["csv"].text.splitlines() for job in finished if job["sql"] in EQUAL]
    assert len(answers) == len(EQUAL)
    assert {lines[0] for lines in answers} == {"n,n_low,n_high"}
    assert len({lines[1] for lines in answers}) > 1


def test_a_protected_attack_in_prod_reaches_its_recipient_alone(wire: Wire, delivered: list[dict[str, Any]]) -> None:
    assert {(job["state"], job["code"], job["synthetic"]) for job in delivered} == {("released", None, False)}
    for job in delivered:
        assert {job[form].status for form in FORMS} == {200}
        assert wire.send("GET", f"/releases/{job['release']}/content?format=csv", job["sql"]).status in {403, 404}
        assert {"low", "high"} <= {name.rsplit("_", 1)[-1] for name in job["csv"].text.splitlines()[0].split(",")}


def test_what_the_analyst_may_open_afterwards_holds_no_statement(opened: list[Exchange]) -> None:
    pages = [exchange for exchange in opened if exchange.path.startswith("/audit")]
    assert {exchange.status for exchange in opened} == {200}
    assert not [exchange.path for exchange in opened if "SELECT" in exchange.text]
    seen = {item["event"]["type"] for page in pages for item in page.body["items"]}
    assert {"job.refused", "job.submitted", "job.cancelled", "job.promoted", "release.released"} <= seen


@pytest.mark.usefixtures("opened")
def test_no_answer_holds_a_planted_value_or_a_word_of_an_engine(wire: Wire) -> None:
    values, paths = wire.planted(), {exchange.path.split("/")[1].split("?")[0] for exchange in wire.exchanges}
    assert {"sql", "jobs", "releases", "reviews", "lineage", "audit"} <= paths
    for exchange in wire.exchanges:
        said = exchange.text + str(exchange.headers)
        assert exchange.status < 500, (exchange.sql, exchange.path)
        assert not [value for value in values if value in said], (exchange.sql, exchange.path)
        assert not told(said, exchange.sql), (exchange.sql, exchange.path)


@pytest.mark.usefixtures("opened")
def test_no_header_tells_how_long_anything_took(wire: Wire) -> None:
    assert {name for exchange in wire.exchanges for name in exchange.headers} <= HEADERS


@pytest.mark.usefixtures("opened")
def test_no_log_holds_a_planted_value_a_statement_or_a_word_of_an_engine(wire: Wire) -> None:
    logged = wire.logged()
    assert len(wire.lines) >= len(wire.exchanges)
    assert not [value for value in wire.planted() if value in logged]
    assert "SELECT" not in logged
    assert not told(logged, "")
