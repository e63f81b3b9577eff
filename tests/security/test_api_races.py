"""Two at once over HTTP: one wins, nothing is done twice, nothing is overdrawn."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.testclient import TestClient

from sandbox.api.app import create_app
from sandbox.api.routes import PREFIX
from sandbox.jobs.queue import Queue
from tests.small_city import AGREEMENT, COUNT_SQL, PURPOSE, City, ask, small_city


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with small_city(tmp_path_factory.mktemp("races"), residents=500, visits=1500) as made:
        made.promote(COUNT_SQL)
        yield made


@pytest.fixture(scope="module")
def post(city: City) -> Iterator[Callable[..., Any]]:
    tenants = city.container.tenants
    tokens = {name: tenants.issue_token(name, None, 1) for name in ("per-an", "per-ning", "per-li", "per-zhao")}
    with TestClient(create_app(city.container)) as client:

        def call(person: str, path: str, body: object = None, **headers: str) -> Any:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return client.post(PREFIX + path, json=body, headers={"Authorization": f"Bearer {tokens[person]}"} | named)

        yield call


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    with ThreadPoolExecutor(len(acts)) as pool:
        return [one.result() for one in [pool.submit(act) for act in acts]]


def query(epsilon: str) -> dict[str, Any]:
    return {
        "agreement": AGREEMENT,
        "purpose": PURPOSE,
        "environment": "prod",
        "sql": COUNT_SQL,
        "parameters": {},
        "epsilon": epsilon,
    }


def cancel_all(city: City, post: Callable[..., Any], jobs: set[str]) -> None:
    for job in jobs:
        assert post("per-an", f"/jobs/{job}/cancel").status_code == 200
    with city.container.db.read() as tx:
        assert city.container.ledger.balanced(tx)


def test_one_key_sent_many_times_at_once_makes_one_job(city: City, post: Callable[..., Any]) -> None:
    sent = at_once(*[lambda: post("per-an", "/jobs", query("0.31"), Idempotency_Key="same")] * 8)
    assert {answer.status_code for answer in sent} == {202}
    made = {answer.json()["id"] for answer in sent}
    assert len(made) == 1
    assert len({answer.headers["location"] for answer in sent}) == 1
    clash = post("per-an", "/jobs", query("0.32"), Idempotency_Key="same")
    assert (clash.status_code, clash.json()["code"]) == (409, "IDEMPOTENCY_CLASH")
    cancel_all(city, post, made)


def test_submissions_at_once_never_overdraw(city: City, post: Callable[..., Any]) -> None:
    # At 0.49 eighty charges are more than the agreement has, whatever the order.
    acts = [
        lambda number=number: post("per-an", "/jobs", query(f"0.49{number:02d}"), Idempotency_Key=f"over-{number}")
        for number in range(80)
    ]
    with ThreadPoolExecutor(8) as pool:
        sent = list(pool.map(lambda act: act(), acts))
    found = Counter(answer.json().get("code") for answer in sent)
    assert set(found) == {None, "BUDGET_SPENT"}
    with city.container.db.read() as tx:
        account = city.container.ledger.agreement(tx, AGREEMENT).account
        assert account.held.within(account.total)
        assert account.jobs == found[None]
    cancel_all(city, post, {answer.json()["id"] for answer in sent if answer.status_code == 202})


def test_a_cancel_and_a_lease_at_once_leave_one_of_both(city: City, post: Callable[..., Any]) -> None:
    pipeline = city.worker._pipeline
    for number in range(6):
        job = city.submit(ask(COUNT_SQL, epsilon=f"0.2{number}1"), f"race {number}")["id"]
        queue = Queue(city.container.parts, city.container.steps, f"wrk-{number}")

        def start(queue: Queue = queue) -> Any:
            leased = queue.lease()
            return None if leased is None else pipeline._start(leased)

        cancelled, started = at_once(lambda job=job: post("per-an", f"/jobs/{job}/cancel"), start)
        assert cancelled.status_code == 200
        with city.container.db.read() as tx:
            entry = city.container.ledger.charge_of(tx, job)
            assert city.container.ledger.balanced(tx)
        assert entry.state == ("released" if started is None else "committed"), "a charge stands if and only if the run began"


def test_votes_and_recalls_at_once_count_once(city: City, post: Callable[..., Any]) -> None:
    job = city.submit(ask(COUNT_SQL, epsilon="0.123"), "votes")["id"]
    review = city.until(job, frozenset({"in_egress"}))["review"]
    etag = f'"{city.container.reviews.get(city.person("per-ning"), review)["etag"]}"'
    ballot = {"decision": "approve", "comment": "seen"}
    sent = at_once(
        *[
            lambda person=person, number=number: post(
                person, f"/reviews/{review}/votes", ballot, If_Match=etag, Idempotency_Key=f"{person}-{number}"
            )
            for person in ("per-ning", "per-li")
            for number in range(3)
        ]
    )
    assert Counter(answer.status_code for answer in sent) == {200: 2, 409: 4}
    release = city.until(job, frozenset({"released"}))["release"]
    keys = [f"recall-{number % 2}" for number in range(6)]
    recalls = at_once(
        *[lambda key=key: post("per-li", f"/releases/{release}/recall", {"reason": "r"}, Idempotency_Key=key) for key in keys]
    )
    assert Counter(answer.status_code for answer in recalls) == {200: 3, 409: 3}
    assert len({answer.content for answer in recalls if answer.status_code == 200}) == 1
    again = city.submit(ask(COUNT_SQL, epsilon="0.123"), "votes again")
    assert (again["state"], again["release"]) == ("queued", None), "a recalled answer is not remembered"
    cancel_all(city, post, {again["id"]})
