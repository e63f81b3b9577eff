"""The queue over a database: fair shares, priority, quotas, places; each on SQLite and PostgreSQL."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text, update

from sandbox.cli.city import CitySize, write_city
from sandbox.jobs import store
from sandbox.jobs.model import ANY_TIME, Wish
from sandbox.jobs.queue import Queue
from sandbox.kernel.clock import ManualClock
from sandbox.kernel.errors import YuneiError
from sandbox.kernel.ids import new_id
from tests.small_city import COUNT_SQL, City, ask, city_of, small_city

START = datetime(2026, 3, 2, 4, 0, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Iterator[City]:
    clock = ManualClock(datetime.now(UTC).replace(microsecond=0))
    limits = {"max_queued_per_tenant": 3, "max_running_per_tenant": 2}
    with small_city(tmp_path_factory.mktemp("queue"), clock, 300, 900, module_database_url, **limits) as made:
        yield made


@pytest.fixture(autouse=True)
def _empty(city: City) -> Iterator[None]:
    yield
    with city.container.db.write() as tx:
        held = store.jobs.c.state.in_(("queued", "leased", "running"))
        for line in tx.execute(store.jobs.select().where(held)).all():
            if line.environment == "prod":
                city.container.ledger.release(tx, line.id)
        tx.execute(update(store.jobs).where(held).values(state="cancelled"))


def queue(city: City) -> Queue:
    return Queue(city.container.parts, city.container.steps, "wrk-test")


def dev(city: City, key: str, wish: Wish = ANY_TIME) -> str:
    return city.submit(ask(COUNT_SQL, "dev"), new_id("key") + key, wish)["id"]


def give_to(city: City, operator: str, *jobs: str) -> None:
    with city.container.db.write() as tx:
        tx.execute(update(store.jobs).where(store.jobs.c.id.in_(jobs)).values(operator=operator))


def copies(city: City, job: str, operator: str, count: int) -> None:
    with city.container.db.write() as tx:
        row = dict(tx.execute(store.jobs.select().where(store.jobs.c.id == job)).one()._mapping)
        del row["seq"]
        tx.execute(store.jobs.insert(), [row | {"id": new_id("job"), "operator": operator} for _ in range(count)])


def test_a_thousand_jobs_of_one_operator_delay_no_others_first(city: City) -> None:
    first = dev(city, "crowd")
    copies(city, first, "org-crowd", 1000)
    city.container.clock.advance(5)
    late = dev(city, "late")
    give_to(city, "org-late", late)
    give_to(city, "org-crowd", first)
    worker = queue(city)
    assert [worker.lease().operator for _ in range(2)] == ["org-crowd", "org-late"]


def test_operators_in_turn_even_when_nothing_is_held(city: City) -> None:
    for operator in ("org-x", "org-y"):
        copies(city, dev(city, operator), operator, 2)
    worker, served = queue(city), []
    for _ in range(4):
        job = worker.lease()
        served.append(job.operator)
        with city.container.db.write() as tx:
            city.container.steps.move(tx, job, "fail", {"code": "RUN_FAILED"}, code="RUN_FAILED")
    others = [name for name in served if name in {"org-x", "org-y"}]
    assert others[:2] != others[:1] * 2


def test_own_jobs_go_by_priority_and_an_old_one_is_not_overtaken_for_ever(city: City) -> None:
    low, normal, high = (dev(city, name, Wish(name)) for name in ("low", "normal", "high"))
    worker = queue(city)
    assert [worker.lease().id for _ in range(2)] == [high, normal]
    city.container.clock.advance(3601)
    newer = dev(city, "newer", Wish("high"))
    give_to(city, "org-done", high, normal)
    assert [worker.lease().id for _ in range(2)] == [low, newer]


def test_no_more_than_the_quota_runs(city: City) -> None:
    for name in "abc":
        dev(city, name)
    worker = queue(city)
    assert [worker.lease() is not None for _ in range(3)] == [True, True, False]


def test_a_full_queue_refuses_before_any_budget_is_set_aside(city: City) -> None:
    for name in "abc":
        dev(city, name)
    with city.container.db.read() as tx:
        before = city.container.ledger.agreement(tx, "agr-clinic-usage")
    promote(city)
    with pytest.raises(YuneiError, match="QUEUE_FULL") as refused:
        city.submit(ask(COUNT_SQL), "one too many")
    assert refused.value.facts == {"max_queued_per_tenant": 3}
    with city.container.db.read() as tx:
        assert city.container.ledger.agreement(tx, "agr-clinic-usage") == before
        assert store.queued_of(tx, "org-operator") == 3
    queue(city).lease()
    assert city.submit(ask(COUNT_SQL), "one too many")["state"] == "queued", "the key was not used up by the refusal"


def test_an_answer_from_memory_needs_no_place(city: City) -> None:
    promote_by = dev(city, "text")
    promote(city)
    city.container.jobs.cancel(city.analyst, promote_by)
    promoted = city.submit(ask(COUNT_SQL, epsilon="0.2"), "remembered")
    with city.container.db.write() as tx:
        city.container.ledger.release(tx, promoted["id"])
        tx.execute(update(store.jobs).where(store.jobs.c.id == promoted["id"]).values(state="released", release="rel-x"))
    for name in "abc":
        dev(city, name)
    active = type(city.container.releases).is_active
    type(city.container.releases).is_active = lambda *_: True
    try:
        assert city.submit(ask(COUNT_SQL, epsilon="0.2"), "again")["release"] == "rel-x"
    finally:
        type(city.container.releases).is_active = active


def test_a_waiting_job_shows_its_place_among_its_operators_own(city: City) -> None:
    other = [dev(city, name) for name in "xyz"]
    give_to(city, "org-other", *other)
    first, second, urgent = dev(city, "first"), dev(city, "second"), dev(city, "urgent", Wish("high"))
    views = {job: city.container.jobs.get(city.analyst, job).as_json() for job in (first, second, urgent)}
    assert [views[job]["queue"]["ahead"] for job in (urgent, first, second)] == [0, 1, 2]
    paged = city.container.jobs.list(city.analyst, None, 3).items
    assert {view.job.id: view.as_json() for view in paged} == views
    city.container.jobs.cancel(city.analyst, urgent)
    assert city.container.jobs.get(city.analyst, first).as_json()["queue"]["ahead"] == 0
    assert city.container.jobs.get(city.analyst, urgent).as_json()["queue"] is None


def promote(city: City) -> None:
    """Let the count run in prod without a run of it in dev."""
    with city.container.db.write() as tx:
        job = store.by_id(tx, dev_row(tx))
        store.promote(tx, job, "per-an", city.container.clock.now())


def dev_row(tx) -> str:
    return tx.execute(text("SELECT id FROM job WHERE canonical_digest IS NOT NULL ORDER BY seq DESC LIMIT 1")).scalar_one()


def charge_state(city: City, job: str) -> str:
    with city.container.db.read() as tx:
        assert city.container.ledger.balanced(tx)
        return city.container.ledger.charge_of(tx, job).state


def view(city: City, job: str) -> tuple[str, str | None]:
    found = city.container.jobs.get(city.analyst, job).as_json()
    return found["state"], found["code"]


def test_a_job_that_waits_past_its_deadline_fails_uncharged(city: City) -> None:
    dev(city, "text")
    promote(city)
    job = city.submit(ask(COUNT_SQL, epsilon="0.31"), "deadline", Wish(deadline_s=30))["id"]
    worker = queue(city)
    city.container.clock.advance(29)
    assert worker.expire() == 0
    city.container.clock.advance(2)
    assert worker.expire() == 1
    assert (view(city, job), charge_state(city, job)) == (("failed", "QUEUE_DEADLINE"), "released")


def test_nothing_is_charged_after_its_deadline_though_it_was_leased_before(city: City) -> None:
    dev(city, "text")
    promote(city)
    job = city.submit(ask(COUNT_SQL, epsilon="0.32"), "leased late", Wish("high", 30))["id"]
    leased = queue(city).lease()
    assert leased.id == job
    city.container.clock.advance(31)
    city.worker._pipeline.run(leased)
    assert (view(city, job), charge_state(city, job)) == (("failed", "QUEUE_DEADLINE"), "released")


def test_a_job_whose_agreement_is_suspended_while_it_waits_fails_uncharged(city: City) -> None:
    dev(city, "text")
    promote(city)
    job = city.submit(ask(COUNT_SQL, epsilon="0.33"), "waiting", Wish("high"))["id"]
    authority = city.person("per-li")
    city.container.tenants.change_state(authority, "agr-clinic-usage", "suspend", "inspection")
    try:
        leased = queue(city).lease()
        assert leased.id == job
        city.worker._pipeline.run(leased)
    finally:
        city.container.tenants.change_state(authority, "agr-clinic-usage", "resume", "rectified")
    assert (view(city, job), charge_state(city, job)) == (("failed", "AGREEMENT_SUSPENDED"), "released")


def test_a_job_that_loses_every_worker_fails_after_its_attempts_and_is_not_charged(city: City) -> None:
    dev(city, "text")
    promote(city)
    job = city.submit(ask(COUNT_SQL, epsilon="0.34"), "poison", Wish("high"))["id"]
    worker, settings = queue(city), city.container.settings
    for attempt in range(1, settings.max_attempts + 1):
        leased = worker.lease()
        assert (leased.id, leased.fence) == (job, attempt)
        city.container.clock.advance(settings.lease_s + 1)
        assert worker.reclaim() == 1
    assert (view(city, job), charge_state(city, job)) == (("failed", "ATTEMPTS_SPENT"), "released")


def test_a_job_that_comes_back_keeps_its_place(city: City) -> None:
    job = dev(city, "kept")
    worker = queue(city)
    place = worker.lease().place
    city.container.clock.advance(city.container.settings.lease_s + 1)
    worker.reclaim()
    dev(city, "newer")
    again = worker.lease()
    assert (again.id, again.place) == (job, place)


def seen(directory: Path, seed: int) -> list[object]:
    """Run the same acts on other data and return all that the operator sees of its queue."""
    write_city(directory / "city", CitySize(300, 900), seed=seed, today=START.date())
    found: list[object] = []
    with city_of(directory, ManualClock(START)) as city:
        made = [city.submit(ask(COUNT_SQL, "dev"), f"same {number}", Wish("high"))["id"] for number in range(4)]

        def look() -> None:
            views = [city.container.jobs.get(city.analyst, job).as_json() for job in made]
            names = ("queue", "state", "start_by", "created_at", "updated_at", "priority")
            found.append([[view[name] for name in names] for view in views])

        look()
        leased = queue(city).lease()
        look()
        city.worker._pipeline.run(leased)
        look()
        for _ in range(4):
            city.container.clock.advance(1)
            city.worker._publish()
            look()
    return found


def test_what_is_seen_of_the_queue_is_the_same_whatever_the_data(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    assert seen(tmp_path / "one", 1) == seen(tmp_path / "two", 2)
