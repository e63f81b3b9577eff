"""A new version of a policy against the jobs of a real city: what it would change is told before it is in force."""

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from sqlalchemy import text
from starlette.testclient import TestClient

from connectors.progress import Progress
from policies.catalog import Catalog
from policies.policy import Policy
from sandbox.api.app import create_app
from sandbox.api.routes import PREFIX
from sandbox.jobs.apply import apply
from sandbox.kernel.errors import YuneiError
from tests.small_city import AGREEMENT, AVERAGE_SQL, COUNT_SQL, City, ask, small_city

INCOME_SQL = "SELECT district, sum(income) AS s FROM residents GROUP BY district"
ONE_HOSPITAL_SQL = "SELECT count(*) AS n FROM visits WHERE hospital = '合成市第01医院'"
NAME_SQL = "SELECT name FROM residents"
DATED_SQL = "SELECT count(*) AS n FROM visits WHERE department = $ward AND visit_date >= $day"
SECURITY_ADMIN = "per-mi"


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """Nine jobs: one text three times, once laid out anew and once in prod; three others, one with parameters; three refused."""
    with small_city(tmp_path_factory.mktemp("simulate"), residents=400, visits=1200) as made:
        made.promote(COUNT_SQL)
        made.submit(ask(COUNT_SQL), "prod")
        for number, sql in enumerate((COUNT_SQL.replace(" ", "  "), AVERAGE_SQL, INCOME_SQL)):
            made.submit(ask(sql, "dev"), f"dev {number}")
        made.submit(ask(DATED_SQL, "dev", parameters={"ward": "内科", "day": date(2025, 1, 1)}), "dated")
        for number, sql in enumerate((NAME_SQL, NAME_SQL, ONE_HOSPITAL_SQL)):
            with pytest.raises(YuneiError, match="POLICY_REFUSED"):
                made.submit(ask(sql, "dev"), f"refused {number}")
        yield made


@pytest.fixture(scope="module")
def client(city: City) -> Iterator[TestClient]:
    with TestClient(create_app(city.container)) as made:
        yield made


def document(city: City) -> dict[str, Any]:
    read: dict[str, Any] = YAML(typ="safe", pure=True).load(city.directory / "city" / "policies" / "clinic-usage.yaml")
    plain: dict[str, Any] = json.loads(json.dumps(read, default=str))
    return plain | {"version": 2}


def rows(city: City) -> str:
    with closing(sqlite3.connect(city.directory / "data" / "yunei.db")) as db:
        return hashlib.sha256("\n".join(db.iterdump()).encode()).hexdigest()


def without_income(city: City) -> dict[str, Any]:
    changed = document(city)
    del changed["tables"]["residents"]["columns"]["income"]
    changed["cases"] = []
    return changed


def test_a_policy_that_changes_nothing_changes_no_verdict(city: City) -> None:
    found = city.container.history.simulate(Policy.model_validate(document(city)))
    assert found.fates == {"same": 9, "newly_refused": 0, "newly_allowed": 0, "not_replayed": 0}
    assert found.as_json()["jobs"] == []


def test_what_is_taken_away_refuses_jobs_with_their_codes(city: City) -> None:
    found = city.container.history.simulate(Policy.model_validate(without_income(city)))
    assert found.text["en"] == "1 of 9 past jobs would now be refused"
    assert found.codes == {"COLUMN_NOT_GRANTED": 1}
    (told,) = [one for one in found.outlooks if one.fate != "same"]
    with city.container.db.read() as tx:
        refused = tx.execute(text("SELECT query FROM job WHERE id = :id"), {"id": told.job}).scalar_one()
    assert json.loads(refused)["sql"] == INCOME_SQL


def test_what_is_granted_allows_jobs_that_were_refused(city: City) -> None:
    changed = document(city)
    changed["tables"]["visits"]["columns"]["hospital"]["use"].append("compare")
    found = city.container.history.simulate(Policy.model_validate(changed))
    assert found.fates == {"same": 8, "newly_refused": 0, "newly_allowed": 1, "not_replayed": 0}
    assert found.codes == {}


def test_every_kind_of_term_about_data_counts(city: City) -> None:
    changed = document(city)
    changed["tables"]["visits"]["columns"]["department"]["use"] = ["group"]
    changed["environment"] = ["dev"]
    found = city.container.history.simulate(Policy.model_validate(changed))
    assert found.fates == {"same": 7, "newly_refused": 2, "newly_allowed": 0, "not_replayed": 0}
    assert found.codes == {"COLUMN_NOT_COMPARABLE": 1, "POLICY_NOT_MATCHED": 1}


def test_a_job_that_asked_for_more_epsilon_than_the_new_most_is_refused(city: City) -> None:
    changed = document(city)
    changed["protection"]["per_job_epsilon_max"] = "0.25"
    assert city.container.history.simulate(Policy.model_validate(changed)).fates["newly_refused"] == 0
    swap_epsilon(city, "null", '"0.4"')
    found = city.container.history.simulate(Policy.model_validate(changed))
    swap_epsilon(city, '"0.4"', "null")
    assert found.codes == {"EPSILON_ABOVE_POLICY": 1}


def swap_epsilon(city: City, old: str, new: str) -> None:
    with city.container.db.write() as tx:
        change = text("UPDATE job SET query = replace(query, :old, :new) WHERE environment = 'prod'")
        changed = tx.execute(change, {"old": f'"epsilon":{old}', "new": f'"epsilon":{new}'})
        assert changed.rowcount == 1


def test_term_and_number_of_jobs_are_not_looked_at(city: City) -> None:
    changed = document(city)
    changed["valid"] = {"from": "2040-01-01", "until": "2040-12-31", "max_jobs": 1}
    assert city.container.history.simulate(Policy.model_validate(changed)).fates["newly_refused"] == 0


def test_it_reads_no_row_and_writes_nothing(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    def touched(*_arguments: object, **_named: object) -> None:
        raise AssertionError("data were touched")

    monkeypatch.setattr("connectors.engine.SupplyEngine.__init__", touched)
    monkeypatch.setattr("sandbox.isolation.process.ProcessRuntime.start", touched)
    before = rows(city)
    assert city.container.history.simulate(Policy.model_validate(without_income(city))).stored == 9
    assert rows(city) == before


def test_the_newest_jobs_are_judged_where_there_are_more(city: City) -> None:
    found = city.container.history.simulate(Policy.model_validate(document(city)), 3)
    assert (len(found.outlooks), found.stored) == (3, 9)
    assert found.text["en"] == "0 of the newest 3 of 9 past jobs would now be refused"


def test_jobs_of_another_agreement_are_not_judged(city: City) -> None:
    other: dict[str, Any] = YAML(typ="safe", pure=True).load(city.directory / "city" / "policies" / "district-planning.yaml")
    found = city.container.history.simulate(Policy.model_validate(other | {"version": 2}))
    assert (found.outlooks, found.stored) == ((), 0)


def test_a_query_that_cannot_be_read_any_more_is_told_and_stops_nothing(city: City) -> None:
    with city.container.db.write() as tx:
        one = tx.execute(text("SELECT id, query FROM job WHERE state = 'refused' ORDER BY seq LIMIT 1")).one()
    for broken in ('{"sql": 1}', "x", "[]", one.query.replace('"parameters":{}', '"parameters":{"a":{"bytes":"00"}}')):
        assert broken != one.query
        with city.container.db.write() as tx:
            tx.execute(text("UPDATE job SET query = :query WHERE id = :id"), {"query": broken, "id": one.id})
        found = city.container.history.simulate(Policy.model_validate(document(city)))
        assert found.fates["not_replayed"] == 1
        assert [told["job"] for told in found.as_json()["jobs"]] == [one.id]  # type: ignore[index, union-attr, call-overload]
    with city.container.db.write() as tx:
        tx.execute(text("UPDATE job SET query = :query WHERE id = :id"), {"query": one.query, "id": one.id})


def test_a_defect_of_ours_is_no_verdict(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(city.container.parts.parsers.opinion, "check", lambda *_arguments: False)
    found = city.container.history.simulate(Policy.model_validate(document(city)))
    assert found.fates == {"same": 3, "newly_refused": 0, "newly_allowed": 0, "not_replayed": 6}


# --- what publishing would change


def items(city: City) -> Catalog:
    with city.container.db.read() as tx:
        return city.container.catalog.items(tx)


def test_nothing_is_foreseen_where_nothing_would_change(city: City) -> None:
    history, catalog = city.container.history, items(city)
    with city.container.db.read() as tx:
        grant = city.container.policies.grant(tx, AGREEMENT)
    assert grant is not None
    assert history.foresee(grant.policy, catalog) is None
    assert history.foresee(Policy.model_validate(document(city) | {"agreement": "agr-nobodys"}), catalog) is None
    assert history.foresee(Policy.model_validate(document(city)), Catalog(items={})) is None
    other: dict[str, Any] = YAML(typ="safe", pure=True).load(city.directory / "city" / "policies" / "district-planning.yaml")
    assert history.foresee(Policy.model_validate(other | {"version": 2}), catalog) is None, "nobody asked under it yet"
    foreseen = history.foresee(Policy.model_validate(without_income(city)), catalog)
    assert foreseen is not None
    assert foreseen.fates["newly_refused"] == 1


def test_what_cannot_be_read_keeps_nobody_from_publishing(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    def altered(*_arguments: object) -> None:
        raise YuneiError("DEFECT")

    monkeypatch.setattr(city.container.policies, "grant", altered)
    assert city.container.history.foresee(Policy.model_validate(without_income(city)), items(city)) is None


def test_apply_tells_what_a_new_version_changes_before_it_is_in_force(tmp_path: Path) -> None:
    with small_city(tmp_path, residents=300, visits=600) as city:
        assert apply(city.container, tmp_path / "city", "system", outlook=city.container.history).as_json()["simulated"] == {}
        city.submit(ask(INCOME_SQL, "dev"), "income")
        city.submit(ask(COUNT_SQL, "dev"), "count")
        path = tmp_path / "city" / "policies" / "clinic-usage.yaml"
        path.write_text(json.dumps(without_income(city), ensure_ascii=False), "utf-8")
        told: list[tuple[str, str]] = []

        class Told(Progress):
            def begin(self, step: str, subject: str, rows: int | None = None) -> None:
                told.append((step, subject))

        report = apply(city.container, tmp_path / "city", "system", Told(), city.container.history)
        assert report.changed["policies"] == ("clinic-usage",)
        simulated: Any = report.as_json()["simulated"]
        assert simulated["clinic-usage"]["newly_refused"] == 1
        assert simulated["clinic-usage"]["text"]["en"] == "1 of 2 past jobs would now be refused"
        line = next(subject for step, subject in told if step == "simulate" and "past jobs" in subject)
        assert line.startswith("clinic-usage: ")
        assert told.index(("simulate", line)) < [step for step, _ in told].index("register")
        assert apply(city.container, tmp_path / "city", "system", outlook=city.container.history).as_json()["simulated"] == {}


# --- over HTTP


def send(city: City, client: TestClient, body: object, person: str = SECURITY_ADMIN) -> Any:
    token = city.container.tenants.issue_token(person, None, 1)
    return client.post(f"{PREFIX}/policies/simulate", json=body, headers={"Authorization": f"Bearer {token}"})


def test_the_security_administrator_asks_over_http_and_sees_no_query(city: City, client: TestClient) -> None:
    answer = send(city, client, {"agreement": AGREEMENT, "policy": without_income(city)})
    assert answer.status_code == 200
    found = answer.json()
    counts = ("total", "stored", "same", "newly_refused", "newly_allowed", "not_replayed")
    assert [found[name] for name in counts] == [9, 9, 8, 1, 0, 0]
    assert found["codes"] == {"COLUMN_NOT_GRANTED": 1}
    assert [(one["fate"], one["before"], one["after"]) for one in found["jobs"]] == [
        ("newly_refused", [], ["COLUMN_NOT_GRANTED"])
    ]
    assert "SELECT" not in answer.text
    assert (found["agreement"], found["policy"], found["version"]) == (AGREEMENT, "clinic-usage", 2)


@pytest.mark.parametrize("person", ["per-an", "per-zhao", "per-ning", "per-li", "per-zhou", "per-xi", "per-shen"])
def test_nobody_else_may(city: City, client: TestClient, person: str) -> None:
    answer = send(city, client, {"agreement": AGREEMENT, "policy": document(city)}, person)
    assert (answer.status_code, answer.json()["code"]) == (403, "SCOPE_MISSING")


def test_what_is_no_policy_is_refused_with_place_and_reason(city: City, client: TestClient) -> None:
    wrong = deepcopy(document(city))
    wrong["tables"]["visits"]["columns"]["cost"]["functions"] = ["sum", "张三丰"]
    wrong["purpose"] = ["fun"]
    answer = send(city, client, {"agreement": AGREEMENT, "policy": wrong})
    assert (answer.status_code, answer.json()["code"]) == (422, "DOCUMENT_INVALID")
    assert {(one["path"], one["rule"]) for one in answer.json()["facts"]["faults"]} == {
        ("tables.visits.columns.cost.functions.1", "FUNCTION_UNKNOWN"),
        ("purpose.0", "PURPOSE_UNKNOWN"),
    }
    assert "张三丰" not in answer.text


@pytest.mark.parametrize(
    ("code", "status", "body"),
    [
        ("MALFORMED", 422, {"agreement": "agr-other"}),
        ("MALFORMED", 422, {"newest": 0}),
        ("MALFORMED", 422, {"colour": "red"}),
        ("DOCUMENT_INVALID", 422, {"policy": {}}),
        ("DOCUMENT_INVALID", 422, {"policy": "x"}),
        ("DOCUMENT_INVALID", 422, {"policy": None}),
    ],
)
def test_odd_requests_are_refused(city: City, client: TestClient, code: str, status: int, body: dict[str, Any]) -> None:
    answer = send(city, client, {"agreement": AGREEMENT, "policy": document(city)} | body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_an_unknown_agreement_and_a_policy_that_does_not_resolve(city: City, client: TestClient) -> None:
    absent = document(city) | {"agreement": "agr-nobodys"}
    answer = send(city, client, {"agreement": "agr-nobodys", "policy": absent})
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
    looser = document(city)
    looser["tables"]["visits"]["unit"]["max_rows"] = 10_000
    answer = send(city, client, {"agreement": AGREEMENT, "policy": looser})
    assert (answer.status_code, answer.json()["code"]) == (403, "POLICY_REFUSED")
    assert [one["code"] for one in answer.json()["findings"]] == ["POLICY_LOOSER"]
