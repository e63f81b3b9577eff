"""What a tenant may open of its own jobs says nothing that depends on rows: no usage, no time, no cause of a failed run."""

from collections.abc import Iterator

import pytest

from sandbox.isolation.child.codes import RUN_CODES
from sandbox.jobs.decide import shown_code
from sandbox.jobs.queue import Queue
from sandbox.kernel.clock import parse_stamp
from tests.small_city import COUNT_SQL, ENDED, City, ask, small_city

MEASURES = ("wall_ms", "cpu_ms", "peak_memory_bytes", "rows", "bytes")


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with small_city(tmp_path_factory.mktemp("channels"), residents=500, visits=1500) as made:
        made.promote(COUNT_SQL)
        made.release(COUNT_SQL, "prod", "per-ning", "per-li")
        yield made


def opened(city: City, *tenants: str):
    """Return every event that these organisations may open."""
    with city.container.db.read() as tx:
        return city.container.audit.events(tx, frozenset(tenants), -1, 10_000)


def names_in(value: object) -> set[str]:
    """Return every member name at any depth."""
    if isinstance(value, dict):
        return set(value) | {name for inner in value.values() for name in names_in(inner)}
    return {name for inner in value for name in names_in(inner)} if isinstance(value, list) else set()


def test_no_tenant_opens_what_a_run_used(city: City) -> None:
    found = opened(city, "org-operator", "org-insurer", "org-planner", "org-civil", "org-health", "org-authority")
    assert {"job.protected", "review.approved", "release.released"} <= {stored.event.type for stored in found}
    assert not [stored.event.type for stored in found if names_in(stored.event.payload) & set(MEASURES)]
    with city.container.db.read() as tx:
        everything = city.container.audit.events(tx, None, -1, 10_000)
    measured = [stored.event for stored in everything if stored.event.type == "job.measured"]
    assert len(measured) == 2
    assert all(event.payload["wall_ms"] >= 0 and event.tenants == () for event in measured)


def test_every_event_of_a_job_lies_on_a_tick(city: City) -> None:
    assert {parse_stamp(stored.tick).microsecond for stored in opened(city, "org-operator")} == {0}


@pytest.mark.parametrize("code", sorted({"RUN_MEMORY", "RUN_OUTPUT_CAP"}))
def test_a_tenant_does_not_learn_which_limit_a_run_hit(city: City, code: str) -> None:
    job = city.submit(ask(COUNT_SQL, "dev"), f"limit {code}")["id"]
    leased = Queue(city.container.parts, city.container.steps, "wrk-limit").lease()
    assert leased.id == job
    pipeline = city.worker._pipeline
    running, prepared, _ = pipeline._start(leased)
    pipeline._keep(running, prepared, code)
    assert city.until(job, ENDED)["code"] == "RUN_FAILED"
    assert code not in str([stored.event for stored in opened(city, "org-operator") if stored.event.subject == job])


def test_every_failure_inside_a_sandbox_looks_the_same() -> None:
    seen = {shown_code(code) for code in RUN_CODES.values() if code != "ISOLATION_BELOW_REQUIRED"}
    assert seen == {"RUN_FAILED"}
    assert shown_code("ISOLATION_BELOW_REQUIRED") == "ISOLATION_BELOW_REQUIRED"
