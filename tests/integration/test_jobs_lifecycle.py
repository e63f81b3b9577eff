"""Jobs through every turn of their life, with the worker turned by hand and time set by the test."""

from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from egress.ledger.model import Amount
from policies.query import Tuning
from sandbox.isolation.port import RunFailed
from sandbox.jobs import store
from sandbox.jobs.apply import apply
from sandbox.jobs.pipeline import run_all, run_specs
from sandbox.jobs.queue import Queue
from sandbox.kernel.clock import ManualClock, parse_stamp
from sandbox.kernel.errors import YuneiError
from tests.small_city import AVERAGE_SQL, COUNT_SQL, ENDED, City, ask, small_city

CORES_SQL = """\
SELECT gender, count(DISTINCT resident_id) AS n, round(count(DISTINCT resident_id) / (SELECT count(*) FROM visits), 3) AS per_visit
FROM residents GROUP BY ROLLUP (gender) ORDER BY gender NULLS LAST"""
"""Three cores: residents by gender, all residents, all visits."""

SECTIONS_SQL = """\
SELECT department, median(cost) AS middle, quantile_cont(cost, 0.9) AS high, count(DISTINCT hospital) AS places, count(*) AS n
FROM visits GROUP BY department"""


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory, module_database_url: str):
    with small_city(tmp_path_factory.mktemp("life"), database=module_database_url) as made:
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


def test_a_refresh_of_the_data_renews_nothing(city: City) -> None:
    """Budgets are of the data set, not of a snapshot of it: new data cost as the old ones did, on top of them."""

    def held() -> list[Amount]:
        with city.container.db.read() as tx:
            ledger = city.container.ledger
            return [view.account.held for view in (ledger.agreement(tx, "agr-clinic-usage"), *ledger.datasets(tx, None))]

    first = city.submit(ask(COUNT_SQL, epsilon="0.11"), "before the refresh")
    city.until(first["id"], frozenset({"in_egress"}))
    before = held()
    file = city.directory / "city/data/visits.parquet"
    pq.write_table(pq.read_table(file).slice(1), file)
    apply(city.container, city.directory / "city", "system")
    assert held() == before
    second = city.submit(ask(COUNT_SQL, epsilon="0.11"), "after the refresh")
    assert second["state"] == "queued", "other data are another question"
    assert all(after.rho >= one.rho for after, one in zip(held(), before, strict=True))
    assert held()[0].rho > before[0].rho
    city.container.jobs.cancel(city.analyst, second["id"])


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


def test_a_clock_that_went_back_holds_no_lost_job_for_ever_and_takes_no_held_one(tmp_path) -> None:
    clock = ManualClock(datetime.now(UTC))
    with small_city(tmp_path, clock, residents=500, visits=1500) as city:
        parts, steps = city.container.parts, city.container.steps
        held, lost = Queue(parts, steps, "wrk-held"), Queue(parts, steps, "wrk-lost")
        jobs = [city.submit(ask(COUNT_SQL, "dev", epsilon=f"0.{number}"), f"clock {number}")["id"] for number in (2, 3)]
        clock.advance(1)
        taken = [held.lease().id, lost.lease().id]
        assert sorted(taken) == sorted(jobs)
        clock.advance(-2 * 3600)
        held.heartbeat(frozenset(taken[:1]))
        assert held.reclaim() == 1
        assert [job.state for job in city.stored(taken)] == ["leased", "queued"]
        clock.advance(parts.settings.lease_s - 1)
        assert held.reclaim() == 0
        clock.advance(2)
        assert held.reclaim() == 1


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
    city.container.supply.vault.opening.close()  # a genuine copy that is open would be read
    try:
        done = city.until(city.submit(ask(COUNT_SQL, epsilon="0.153"), "changed")["id"], ENDED)
    finally:
        path.write_bytes(whole)
        path.chmod(mode)
    assert (done["state"], done["review"]) == ("failed", None)
    assert entry(city, done["id"]).state == "committed"


def test_a_job_of_several_cores_is_one_charge_and_one_table_and_replays(city: City) -> None:
    city.promote(CORES_SQL)
    done = city.release(CORES_SQL, "cores")
    assert (done["state"], done["code"]) == ("released", None)
    charge = entry(city, done["id"])
    assert charge.state == "committed"
    manifest = city.container.releases.manifest(city.person("per-zhao"), done["release"])["statement"]["predicate"]
    cores = manifest["privacy"]["plan"]["cores"]
    assert [core["core"] for core in cores] == ["c0", "c1", "c2"]
    assert sum(Fraction(part["rho"]) for core in cores for part in core["parts"]) == charge.charge.amount.rho
    assert [stated["table"] for stated in manifest["extracts"]] == ["residents", "visits"]
    lines = city.container.releases.content(city.person("per-zhao"), done["release"], "csv").decode("utf-8-sig").splitlines()
    assert lines[0] == "gender,n,n_low,n_high,per_visit"
    assert [line.split(",")[0] for line in lines[1:]] == ["__other", "女", "男", ""]
    verdicts = city.replayed(done["release"])
    assert set(verdicts.values()) == {"pass"}, verdicts


@pytest.mark.parametrize("tuning", [Tuning(), Tuning(max_rows=2, weights={"middle": 3}), Tuning(max_rows_per_group=1)])
def test_quantiles_and_counts_of_values_are_released_and_replay_under_any_caps(city: City, tuning: Tuning) -> None:
    city.promote(SECTIONS_SQL)
    query = ask(SECTIONS_SQL, tuning=tuning)
    job = city.submit(query, f"sections {tuning}")
    waiting = city.until(job["id"], frozenset({"in_egress", "failed"}))
    city.review(waiting["review"], "per-ning", "per-wang")
    done = city.until(job["id"], ENDED)
    assert (done["state"], done["code"]) == ("released", None)
    lines = city.container.releases.content(city.person("per-zhao"), done["release"], "csv").decode("utf-8-sig").splitlines()
    assert lines[0] == "department,middle,high,places,places_low,places_high,n,n_low,n_high"
    assert all(0 <= float(value) <= 20_000 for line in lines[1:] for value in line.split(",")[1:3])
    verdicts = city.replayed(done["release"])
    assert set(verdicts.values()) == {"pass"}, verdicts


def test_each_core_is_run_in_a_sandbox_of_its_own_that_sees_its_tables_alone(city: City) -> None:
    job = city.submit(ask(CORES_SQL, "dev"), "sandboxes")["id"]
    leased = Queue(city.container.parts, city.container.steps, "wrk-cores").lease()
    assert leased.id == job
    running, prepared, extracts = city.worker._pipeline._start(leased)
    specs = list(run_specs(city.container.parts, running, prepared, extracts))
    assert [{ref.table for ref in spec.extracts} for spec in specs] == [{"residents"}, {"residents"}, {"visits"}]
    assert [spec.sql for spec in specs] == [engine.sql for engine in prepared.engine]
    assert len({spec.sql for spec in specs}) == 3
    assert all(sql in prepared.rewritten_sql for sql in (spec.sql for spec in specs))
    city.worker._pipeline._keep(running, prepared, "RUN_FAILED")


@pytest.mark.parametrize("fails", [0, 1, 2])
def test_a_job_fails_with_the_first_of_its_runs_that_fails_and_starts_no_other(city: City, fails: int) -> None:
    job = city.submit(ask(CORES_SQL, "dev"), f"fails {fails}")["id"]
    leased = Queue(city.container.parts, city.container.steps, "wrk-fails").lease()
    assert leased.id == job
    running, prepared, extracts = city.worker._pipeline._start(leased)
    begun: list[str] = []

    class Handle:
        def __init__(self, spec) -> None:
            self.spec = spec

        def result(self) -> RunFailed | str:
            sound = len(begun) <= fails
            return "a table" if sound else RunFailed(self.spec.job, self.spec.attempt, "RUN_MEMORY")

    class Runtime:
        def start(self, spec) -> Handle:
            begun.append(spec.sql)
            return Handle(spec)

    outcome = run_all(Runtime(), run_specs(city.container.parts, running, prepared, extracts))
    assert outcome == RunFailed(running.id, running.fence, "RUN_MEMORY")
    assert begun == [engine.sql for engine in prepared.engine[: fails + 1]]
    city.worker._pipeline._keep(running, prepared, "RUN_MEMORY")


def test_one_core_that_the_engine_answers_falsely_releases_nothing_of_the_others(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = city.submit(ask(CORES_SQL, "dev"), "false")["id"]
    start = city.worker._pipeline._runtime.start
    answers: list[object] = []

    class Handle:
        def __init__(self, handle) -> None:
            self.handle = handle

        def result(self):
            answers.append(self.handle.result())
            table = answers[-1].table
            wrong = tuple((*row[:-1], 2**70) for row in table.rows) if len(answers) == 2 else table.rows
            return replace(answers[-1], table=replace(table, rows=wrong))

    monkeypatch.setattr(city.worker._pipeline._runtime, "start", lambda spec: Handle(start(spec)))
    done = city.until(job, ENDED)
    assert len(answers) == 3
    assert (done["state"], done["code"], done["release"]) == ("failed", "RUN_FAILED", None)
