"""Jobs through every turn of their life, with the worker turned by hand and time set by the test."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from sandbox.jobs import store
from sandbox.jobs.queue import Queue
from sandbox.kernel.clock import ManualClock, parse_stamp
from sandbox.kernel.errors import YuneiError
from tests.small_city import AVERAGE_SQL, COUNT_SQL, ENDED, City, ask, small_city


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory):
    with small_city(tmp_path_factory.mktemp("life")) as made:
        made.promote(COUNT_SQL)
        yield made


def entry(city: City, job: str):
    with city.container.db.read() as tx:
        return city.container.ledger.charge_of(tx, job)


def test_a_job_is_charged_once_and_the_same_question_never_again(city: City) -> None:
    done = city.release(COUNT_SQL, "first", "per-ning", "per-li")
    assert done["state"] == "released"
    assert entry(city, done["id"]).state == "committed"
    again = city.submit(ask(COUNT_SQL), "second")
    assert (again["state"], again["release"]) == ("released", done["release"])
    assert entry(city, again["id"]) is None
    other = city.submit(ask(COUNT_SQL, epsilon="0.25"), "third")
    assert other["state"] == "queued"
    city.container.jobs.cancel(city.analyst, other["id"])
    assert entry(city, other["id"]).state == "released"


def test_a_recalled_answer_is_not_served_from_memory(city: City) -> None:
    query = ask(COUNT_SQL, epsilon="0.3")
    job = city.submit(query, "recalled")
    waiting = city.until(job["id"], frozenset({"in_egress"}))
    city.review(waiting["review"], "per-ning", "per-li")
    done = city.until(job["id"], ENDED)
    city.container.releases.recall(city.person("per-li"), done["release"], "found wrong", "recall")
    assert city.submit(query, "after recall")["state"] == "queued"


def test_a_rejected_result_ends_the_job_and_keeps_its_charge(city: City) -> None:
    job = city.submit(ask(COUNT_SQL, epsilon="0.2"), "rejected")
    waiting = city.until(job["id"], frozenset({"in_egress"}))
    city.review(waiting["review"], "per-ning", "per-li", decision="reject")
    done = city.until(job["id"], ENDED)
    assert (done["state"], done["release"]) == ("blocked", None)
    assert entry(city, job["id"]).state == "committed"


def test_two_dev_jobs_of_one_text_and_only_then_prod(city: City) -> None:
    with pytest.raises(YuneiError, match="NOT_PROMOTED"):
        city.submit(ask(AVERAGE_SQL), "early")
    city.promote(AVERAGE_SQL)
    assert city.submit(ask(AVERAGE_SQL), "late")["state"] == "queued"


def test_a_prod_job_cannot_be_promoted_nor_a_job_that_has_not_ended(city: City) -> None:
    job = city.submit(ask(COUNT_SQL, epsilon="0.11"), "prod job")["id"]
    with pytest.raises(YuneiError, match="ILLEGAL_TRANSITION"):
        city.container.jobs.promote(city.analyst, job, "p")
    city.container.jobs.cancel(city.analyst, job)


def test_everything_a_tenant_sees_lies_on_a_tick(city: City) -> None:
    job = city.submit(ask(COUNT_SQL, epsilon="0.12"), "ticks")
    done = city.until(job["id"], frozenset({"in_egress"}))
    with city.container.db.read() as tx:
        events = store.events_after(tx, job["id"], 0)
    assert [event.type for event in events] == ["policy", "queued", "isolated", "checks", "review"]
    moments = [done["created_at"], done["updated_at"], *(event.at for event in events)]
    assert {parse_stamp(moment).microsecond for moment in moments} == {0}


def test_a_lease_lost_before_the_charge_returns_the_job_and_after_it_fails_it(tmp_path) -> None:
    clock = ManualClock(datetime.now(UTC))
    with small_city(tmp_path, clock, residents=500, visits=1500) as city:
        parts, steps = city.container.parts, city.container.steps
        job = city.submit(ask(COUNT_SQL, "dev"), "lost")["id"]
        dead = Queue(parts, steps, "wrk-dead")
        leased = dead.lease()
        assert leased.id == job
        assert dead.lease() is None
        clock.advance(parts.settings.lease_s + 1)
        assert dead.reclaim() == 1
        again = dead.lease()
        assert (again.id, again.fence) == (job, leased.fence + 1)
        pipeline = city.worker._pipeline
        assert pipeline._start(leased) is None, "an older fence starts nothing"
        running, *_ = pipeline._start(again)
        assert running.state == "running"
        clock.advance(parts.settings.lease_s + 1)
        assert dead.reclaim() == 1
        view = city.container.jobs.get(city.analyst, job).as_json()
        assert (view["state"], view["code"]) == ("failed", "RUN_LOST")


def test_one_charge_keeps_one_outcome(tmp_path, city: City) -> None:
    job = city.submit(ask(COUNT_SQL, epsilon="0.13"), "one outcome")["id"]
    pipeline = city.worker._pipeline
    leased = Queue(city.container.parts, city.container.steps, "wrk-a").lease()
    assert leased.id == job
    running, prepared, _ = pipeline._start(leased)
    pipeline._keep(running, prepared, "RUN_FAILED")
    pipeline._keep(running, prepared, "RUN_MEMORY")
    with city.container.db.read() as tx:
        assert store.outcome(tx, job).code == "RUN_FAILED"
    done = city.until(job, ENDED)
    assert (done["state"], done["code"]) == ("failed", "RUN_FAILED")
    assert entry(city, job).state == "committed"


def test_an_agreement_suspended_during_the_run_lets_nothing_out(city: City) -> None:
    job = city.submit(ask(COUNT_SQL, epsilon="0.14"), "suspended")["id"]
    leased = Queue(city.container.parts, city.container.steps, "wrk-b").lease()
    assert leased.id == job
    city.worker._pipeline.run(leased)
    authority = city.person("per-li")
    city.container.tenants.change_state(authority, "agr-clinic-usage", "suspend", "inspection")
    try:
        done = city.until(job, ENDED)
        assert (done["state"], done["code"], done["review"]) == ("failed", "AGREEMENT_SUSPENDED", None)
        with pytest.raises(YuneiError, match="AGREEMENT_SUSPENDED"):
            city.submit(ask(COUNT_SQL), "while suspended")
    finally:
        city.container.tenants.change_state(authority, "agr-clinic-usage", "resume", "rectified")


def test_a_defect_in_publishing_fails_that_job_and_no_other(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    sick, well = (city.submit(ask(COUNT_SQL, epsilon=epsilon), epsilon)["id"] for epsilon in ("0.151", "0.152"))
    opening = city.worker._pipeline._opening

    def broken(tx, job, *rest):
        if job.id == sick:
            raise KeyError("planted")
        return opening(tx, job, *rest)

    monkeypatch.setattr(city.worker._pipeline, "_opening", broken)
    monkeypatch.setattr(city.worker, "_give_up_s", 0.0)
    assert city.until(well, frozenset({"in_egress"}))["state"] == "in_egress"
    done = city.until(sick, ENDED)
    assert (done["state"], done["code"], done["review"]) == ("failed", "DEFECT", None)
    assert entry(city, sick).state == "committed"


def test_an_extract_changed_on_disk_fails_the_run_and_keeps_the_charge(city: City) -> None:
    with city.container.db.read() as tx:
        extracts = city.container.supply.workspace(tx, "agr-clinic-usage", "prod").extracts
    path = Path(next(ref.path for ref in extracts if ref.table == "residents"))
    whole, mode = path.read_bytes(), path.stat().st_mode
    path.chmod(0o600)
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    try:
        done = city.until(city.submit(ask(COUNT_SQL, epsilon="0.153"), "changed")["id"], ENDED)
    finally:
        path.write_bytes(whole)
        path.chmod(mode)
    assert (done["state"], done["review"]) == ("failed", None)
    assert entry(city, done["id"]).state == "committed"
