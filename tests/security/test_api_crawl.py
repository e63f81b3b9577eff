"""Every route by every person on every object that exists: who sees and does what, and that nobody can tell absent from foreign."""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest
from ruamel.yaml import YAML
from starlette.testclient import TestClient

from sandbox.api.app import create_app
from sandbox.api.routes import PREFIX, ROUTES, Route
from sandbox.kernel.roles import Role
from tenants.model import Organisation, Person, ServiceAgreement
from tests.small_city import AGREEMENT, AVERAGE_SQL, COUNT_SQL, PURPOSE, City, ask, small_city

OPERATOR, RIVAL = frozenset({"per-an", "per-bo"}), "per-fei"
RECIPIENT, OTHER_RECIPIENT = "per-zhao", "per-sun"
CIVIL, HEALTH = "per-ning", "per-wang"
AUTHORITY, AUDITOR = frozenset({"per-li", "per-qin"}), "per-zhou"
PLATFORM = frozenset({"per-xi", "per-mi", "per-shen"})
PEOPLE = (*sorted(OPERATOR), RIVAL, RECIPIENT, OTHER_RECIPIENT, CIVIL, HEALTH, *sorted(AUTHORITY), AUDITOR, *sorted(PLATFORM))

RELEASED_REVIEWERS = AUTHORITY | {CIVIL}
WAITING_REVIEWERS = AUTHORITY | {CIVIL, HEALTH}
RELEASE_READERS = OPERATOR | AUTHORITY | {RECIPIENT, CIVIL, AUDITOR}

OPERATOR_OPENS = {
    *("job.submitted", "job.refused", "job.leased", "job.started", "job.protected", "job.in_egress", "job.released"),
    *("job.promoted", "job.answered_from_memory", "job.cancelled", "ledger.reserved", "ledger.committed", "ledger.released"),
    *("review.opened", "release.released", "release.delivered", "agreement.activated", "policy.published"),
    *("organisation.registered", "person.registered", "token.issued"),
}


@dataclass
class Scene:
    """The application over a city with a released, a waiting and a dev job, and a second operator of its own."""

    client: TestClient
    city: City
    ids: dict[str, str]
    headers: dict[str, dict[str, str]] = field(default_factory=dict)

    def send(self, person: str, method: str, path: str, **more: Any):
        headers = self.headers[person] | more.pop("headers", {})
        return self.client.request(method, PREFIX + path, headers=headers, **more)

    def rows(self) -> str:
        """Digest everything that is stored; the crawl must not move it where it is refused."""
        with closing(sqlite3.connect(self.city.directory / "data" / "yunei.db")) as db:
            return hashlib.sha256("\n".join(db.iterdump()).encode()).hexdigest()


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    directory = tmp_path_factory.mktemp("crawl")
    with pytest.MonkeyPatch.context() as patch, small_city(directory, residents=600, visits=2000) as city:
        patch.setattr("sandbox.api.events.LONGEST_STREAM_S", 1)
        _add_rival(city)
        dev = city.until(city.submit(ask(COUNT_SQL, "dev"), "dev job")["id"], frozenset({"released"}))
        city.container.jobs.promote(city.analyst, dev["id"], "promote")
        city.promote(AVERAGE_SQL)
        released = city.release(COUNT_SQL, "released", CIVIL, "per-li")
        waiting = city.until(city.submit(ask(AVERAGE_SQL), "waiting")["id"], frozenset({"in_egress"}))
        replay = city.container.replay.replay(city.person(AUDITOR), released["release"], "replay")["id"]
        ids = {
            "released job": released["id"],
            "waiting job": waiting["id"],
            "dev job": dev["id"],
            "released review": released["review"],
            "waiting review": waiting["review"],
            "release": released["release"],
            "dev release": dev["release"],
            "replay": replay,
            "agreement": AGREEMENT,
        }
        with TestClient(create_app(city.container)) as client:
            made = Scene(client, city, ids)
            tenants = city.container.tenants
            made.headers = {name: {"Authorization": f"Bearer {tenants.issue_token(name, None, 1)}"} for name in PEOPLE}
            yield made


def _add_rival(city: City) -> None:
    """Register a second operator with an agreement of its own."""
    tenants = city.container.tenants
    with city.container.db.write() as tx:
        tenants.put_organisation(tx, Organisation("org-rival", "operator", "合成另一运营公司"), "system")
        tenants.put_person(tx, Person(RIVAL, "org-rival", "费分析", frozenset({Role.OPERATOR})), "system")
        term = (date(2020, 1, 1), date(2099, 12, 31))
        tenants.put_agreement(tx, ServiceAgreement("agr-rival", "opa-9", "org-rival", "org-planner", *term, "draft"), "system")


READERS: dict[tuple[str, str], frozenset[str]] = {
    ("/jobs/{id}", "released job"): OPERATOR,
    ("/jobs/{id}", "waiting job"): OPERATOR,
    ("/jobs/{id}/events", "dev job"): OPERATOR,
    ("/reviews/{id}", "released review"): OPERATOR | RELEASED_REVIEWERS,
    ("/reviews/{id}", "waiting review"): OPERATOR | WAITING_REVIEWERS,
    ("/releases/{id}", "release"): RELEASE_READERS,
    ("/releases/{id}", "dev release"): OPERATOR | AUTHORITY | {CIVIL, AUDITOR},
    ("/releases/{id}/content", "release"): frozenset({RECIPIENT}),
    ("/releases/{id}/content", "dev release"): OPERATOR,
    ("/releases/{id}/bundle", "release"): frozenset({RECIPIENT}),
    ("/releases/{id}/bundle", "dev release"): OPERATOR,
    ("/replays/{id}", "replay"): frozenset({AUDITOR}),
    ("/agreements/{id}", "agreement"): OPERATOR | AUTHORITY | {RECIPIENT, CIVIL, HEALTH, AUDITOR},
    ("/lineage/{id}", "release"): RELEASE_READERS,
    ("/lineage/{id}", "released job"): RELEASE_READERS,
    ("/lineage/{id}", "waiting job"): OPERATOR | WAITING_REVIEWERS | {AUDITOR},
    ("/lineage/{id}", "dev job"): OPERATOR | AUTHORITY | {CIVIL, AUDITOR},
}
"""Route and object → who gets 200. Whatever stands here not is refused to everybody else."""


def unknown(name: str) -> str:
    """Return an identifier of the same kind that no object has."""
    return name[:-1] + ("a" if name[-1] != "a" else "b")


def same(one: Any, other: Any) -> bool:
    """Tell whether two answers are alike in everything that a client can see, but for the trace of a defect."""
    return (one.status_code, one.content, dict(one.headers)) == (other.status_code, other.content, dict(other.headers))


def test_every_get_on_an_object_stands_in_the_table_of_readers() -> None:
    assert {route.path for route in ROUTES if route.method == "GET" and "{id}" in route.path} == {path for path, _ in READERS}


@pytest.mark.parametrize(("path", "name"), READERS, ids=str)
def test_an_object_exists_for_its_readers_and_for_nobody_else(scene: Scene, path: str, name: str) -> None:
    found, absent = path.replace("{id}", scene.ids[name]), path.replace("{id}", unknown(scene.ids[name]))
    seen = set()
    for person in PEOPLE:
        answer = scene.send(person, "GET", found)
        if answer.status_code == 200:
            seen.add(person)
            continue
        assert answer.status_code in {403, 404}, (person, answer.text)
        assert same(answer, scene.send(person, "GET", absent)), person
    assert seen == READERS[path, name]


@pytest.mark.parametrize("path", ["/jobs", "/reviews", "/releases", "/agreements", "/budgets"])
def test_lists_hold_what_may_be_read_one_by_one(scene: Scene, path: str) -> None:
    for person in PEOPLE:
        answer = scene.send(person, "GET", path)
        if answer.status_code != 200:
            assert answer.status_code in {403, 404}
            continue
        for item in answer.json().get("items", ()):
            assert scene.send(person, "GET", f"{path}/{item['id']}").status_code == 200, (person, item["id"])
        if person == RIVAL:
            text = answer.text
            assert AGREEMENT not in text
            assert "org-insurer" not in text


def test_an_event_is_opened_by_its_tenants_only_and_tells_the_operator_no_vote(scene: Scene) -> None:
    for person in PEOPLE:
        answer = scene.send(person, "GET", "/audit/events?limit=100")
        if answer.status_code != 200:
            continue
        me = scene.send(person, "GET", "/me").json()
        events = [item["event"] for item in answer.json()["items"]]
        if "audit:read_all" not in me["scopes"]:
            assert all(me["organisation"] in event["tenants"] for event in events), person
        if person in OPERATOR:
            assert {event["type"] for event in events} <= OPERATOR_OPENS
            assert not [event for event in events if {"vote", "votes", "decision", "etag", "report"} & set(event["payload"])
                        and not event["type"].startswith("release.")]  # fmt: skip


DOERS: dict[tuple[str, str], frozenset[str]] = {
    ("/jobs/{id}/cancel", "waiting job"): OPERATOR,
    ("/jobs/{id}/promote", "released job"): OPERATOR,
    ("/reviews/{id}/votes", "waiting review"): WAITING_REVIEWERS,
    ("/reviews/{id}/votes", "released review"): RELEASED_REVIEWERS,
    ("/reviews/{id}/return", "waiting review"): WAITING_REVIEWERS,
    ("/reviews/{id}/revise", "waiting review"): OPERATOR,
    ("/reviews/{id}/withdraw", "waiting review"): OPERATOR,
    ("/reviews/{id}/package", "waiting review"): AUTHORITY,
    ("/releases/{id}/recall", "release"): AUTHORITY | {CIVIL},
    ("/releases/{id}/recall", "dev release"): AUTHORITY | {CIVIL},
    ("/releases/{id}/replay", "release"): AUTHORITY | {AUDITOR},
    ("/agreements/{id}/suspend", "agreement"): AUTHORITY,
    ("/agreements/{id}/resume", "agreement"): AUTHORITY,
    ("/agreements/{id}/end", "agreement"): AUTHORITY,
}
"""Route and object → whose request is judged on its merits; to everybody else the object does not exist."""

BODIES: dict[str, Any] = {
    "votes": {"decision": "approve", "comment": "seen"},
    "return": {"comment": "why"},
    "revise": {"comment": "because"},
    "recall": {"reason": "wrong"},
    "suspend": {"reason": "r"},
    "resume": {"reason": "r"},
    "end": {"reason": "r"},
}
KEYED = {"Idempotency-Key": "crawl", "If-Match": f'"sha256:{"0" * 64}"'}


def test_every_post_on_an_object_stands_in_the_table_of_doers() -> None:
    assert {route.path for route in ROUTES if route.method == "POST" and "{id}" in route.path} == {path for path, _ in DOERS}


@pytest.mark.parametrize(("path", "name"), DOERS, ids=str)
def test_nobody_acts_on_what_is_not_theirs_and_a_refusal_leaves_no_trace(scene: Scene, path: str, name: str) -> None:
    before = scene.rows()
    body = BODIES.get(path.rsplit("/", 1)[1])
    found, absent = path.replace("{id}", scene.ids[name]), path.replace("{id}", unknown(scene.ids[name]))
    for person in (person for person in PEOPLE if person not in DOERS[path, name]):
        answer = scene.send(person, "POST", found, json=body, headers=KEYED)
        assert answer.status_code in {403, 404}, (person, answer.text)
        assert same(answer, scene.send(person, "POST", absent, json=body, headers=KEYED)), person
    assert scene.rows() == before


def test_a_stale_etag_counts_for_no_reviewer(scene: Scene) -> None:
    for person in WAITING_REVIEWERS:
        path = f"/reviews/{scene.ids['waiting review']}/votes"
        answer = scene.send(person, "POST", path, json=BODIES["votes"], headers=KEYED)
        assert (answer.status_code, answer.json()["code"]) == (412, "IF_MATCH_FAILED")


@pytest.mark.parametrize("path", ["/jobs", "/sql/check"])
@pytest.mark.parametrize("person", [name for name in PEOPLE if name not in OPERATOR])
def test_only_the_operator_of_an_agreement_asks_under_it(scene: Scene, path: str, person: str) -> None:
    before = scene.rows()
    asked = {"agreement": AGREEMENT, "purpose": PURPOSE, "environment": "dev", "sql": COUNT_SQL, "parameters": {}}
    theirs = scene.send(person, "POST", path, json=asked, headers=KEYED)
    nobodys = scene.send(person, "POST", path, json=asked | {"agreement": "agr-nobodys"}, headers=KEYED)
    assert theirs.status_code in {403, 404}
    assert same(theirs, nobodys)
    assert scene.rows() == before


def test_a_body_where_none_belongs_is_refused(scene: Scene) -> None:
    """What is silently ignored would do another thing than the one that was asked."""
    before = scene.rows()
    for route in _bare(ROUTES):
        for body in ({"reason": "x"}, [], "text"):
            answer = scene.send("per-an", "POST", route.path.replace("{id}", scene.ids["waiting job"]), json=body, headers=KEYED)
            assert answer.status_code in {403, 422}, (route.path, answer.text)
    assert scene.rows() == before


def _bare(routes: tuple[Route, ...]) -> list[Route]:
    return [
        route
        for route in routes
        if route.method == "POST" and "{id}" in route.path and route.path.rsplit("/", 1)[1] not in BODIES
    ]


@pytest.mark.parametrize("field", ["agreement", "purpose", "environment", "sql", "epsilon"])
def test_no_refusal_carries_a_planted_value(scene: Scene, field: str) -> None:
    planted = [str(value) for value in YAML(typ="safe").load(scene.city.directory / "city" / "canaries.yaml")]
    asked = {"agreement": AGREEMENT, "purpose": PURPOSE, "environment": "dev", "sql": COUNT_SQL, "parameters": {}}
    for value in planted:
        for path in ("/jobs", "/sql/check"):
            answer = scene.send(
                "per-an", "POST", path, json=asked | {field: value}, headers={"Idempotency-Key": f"{field} {path}"}
            )
            assert value not in str(answer.headers)
            assert value not in answer.text
