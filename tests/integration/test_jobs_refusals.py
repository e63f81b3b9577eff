"""Every kind of bad input gives its own code; nothing is lost or charged, and no answer tells what exists."""

from pathlib import Path

import pytest

from sandbox.jobs import store
from sandbox.kernel.errors import YuneiError
from tests.small_city import AVERAGE_SQL, COUNT_SQL, City, ask, small_city


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory):
    with small_city(tmp_path_factory.mktemp("refusals")) as made:
        yield made


def refused(city: City, query, key: str) -> YuneiError:
    with pytest.raises(YuneiError) as refusal:
        city.container.jobs.submit(city.analyst, query, key)
    return refusal.value


def spent(city: City):
    with city.container.db.read() as tx:
        return city.container.ledger.agreement(tx, "agr-clinic-usage").account.held


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("NOT_FOUND", {"agreement": "agr-unknown"}),
        ("AGREEMENT_EXPIRED", {"agreement": "agr-old-survey", "purpose": "district_planning"}),
        ("PURPOSE_NOT_GRANTED", {"purpose": "marketing"}),
        ("EPSILON_ABOVE_POLICY", {"epsilon": "0.51"}),
        ("EPSILON_INVALID", {"epsilon": "a lot"}),
        ("EPSILON_INVALID", {"epsilon": "NaN"}),
        ("EPSILON_INVALID", {"epsilon": "-1"}),
        ("EPSILON_INVALID", {"epsilon": " 0.1 "}),
        ("EPSILON_INVALID", {"epsilon": "0_1"}),
        ("EPSILON_INVALID", {"epsilon": "０.１"}),
        ("EPSILON_INVALID", {"epsilon": "1e-3"}),
        ("NOT_PROMOTED", {"sql": COUNT_SQL + " ORDER BY n"}),
    ],
)
def test_what_does_not_stand_is_refused_alike_by_dry_run_and_submission(city: City, code: str, changes: dict) -> None:
    query = ask(**{"sql": COUNT_SQL, **changes})
    before = spent(city)
    assert refused(city, query, f"{code} {changes}").code == code
    if code != "NOT_PROMOTED":
        with pytest.raises(YuneiError, match=code):
            city.container.jobs.check(city.analyst, query)
    assert spent(city) == before


@pytest.mark.parametrize(
    ("code", "sql"),
    [
        ("SYNTAX", "SELECT count(* FROM residents"),
        ("NOT_ONE_STATEMENT", "SELECT count(*) FROM residents; SELECT 1"),
        ("NOT_A_QUERY", "DROP TABLE residents"),
        ("TEXT_NOT_UNICODE", "SELECT count(*) AS n FROM residents -- \ud800"),
        ("COLUMN_NOT_GRANTED", "SELECT name, count(*) AS n FROM residents GROUP BY name"),
        ("COLUMN_NOT_GRANTED", "SELECT no_such, count(*) AS n FROM residents GROUP BY no_such"),
        ("TABLE_NOT_GRANTED", "SELECT count(*) AS n FROM taxes"),
        ("UNIT_MISSING", "SELECT tier, count(*) AS n FROM hospitals GROUP BY tier"),
        (
            "RESULT_OVER_CAP",
            "SELECT hospital, visit_date, diagnosis_code, count(*) AS n FROM visits GROUP BY hospital, visit_date, diagnosis_code",
        ),
        ("PROTECTION_UNAVAILABLE", "SELECT gender, max(income) AS m FROM residents GROUP BY gender"),
    ],
)
def test_a_refused_query_is_kept_with_its_findings(city: City, code: str, sql: str) -> None:
    refusal = refused(city, ask(sql), ascii(sql))
    assert refusal.code == "POLICY_REFUSED"
    findings = refusal.facts["findings"]
    assert findings[0]["code"] == code
    assert all(found["message"]["zh"] and found["message"]["en"] and found["article"] for found in findings)
    verdict = city.container.jobs.check(city.analyst, ask(sql))
    assert verdict == {"allowed": False, "findings": findings}
    kept = city.container.jobs.get(city.analyst, refusal.facts["job"]).as_json()
    assert (kept["state"], kept["findings"]) == ("refused", findings)


def test_not_granted_and_not_existing_look_the_same(city: City) -> None:
    one = refused(city, ask("SELECT count(income2) AS n FROM residents"), "a").facts["findings"]
    other = refused(city, ask("SELECT count(nosuch2) AS n FROM residents"), "b").facts["findings"]
    assert str(one).replace("income2", "nosuch2") == str(other)


def test_a_spent_budget_refuses_and_charges_nothing_more(city: City) -> None:
    city.promote(COUNT_SQL)
    codes = []
    for number in range(80):
        try:
            city.submit(ask(COUNT_SQL, epsilon=f"0.{49999 - number}"), f"spend {number}")
        except YuneiError as refusal:
            codes.append(refusal.code)
    assert set(codes) == {"BUDGET_SPENT"}
    assert 1 <= len(codes) < 80
    with city.container.db.read() as tx:
        account = city.container.ledger.agreement(tx, "agr-clinic-usage").account
        assert account.held.within(account.total)
        assert city.container.ledger.balanced(tx)
        queued = store.counts(tx)["queued"]
    assert queued == 80 - len(codes)


def test_the_same_key_makes_one_job_and_another_request_under_it_is_refused(city: City) -> None:
    first = city.submit(ask(COUNT_SQL, "dev"), "once")
    assert city.submit(ask(COUNT_SQL, "dev"), "once")["id"] == first["id"]
    assert refused(city, ask(AVERAGE_SQL, "dev"), "once").code == "IDEMPOTENCY_CLASH"


def test_another_operators_job_does_not_exist(city: City) -> None:
    job = city.submit(ask(COUNT_SQL, "dev"), "mine")["id"]
    stranger = city.person("per-zhao")
    for act in (city.container.jobs.get, city.container.jobs.cancel, lambda who, name: city.container.jobs.events(who, name, 0)):
        with pytest.raises(YuneiError, match="NOT_FOUND"):
            act(stranger, job)


def test_extracts_of_another_policy_version_are_stale(city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(city.container.supply, "workspace", lambda *_args: None)
    assert refused(city, ask(COUNT_SQL, "dev"), "stale").code == "EXTRACT_STALE"
