"""Lineage follows what each job really read, and shows each caller only its own part."""

from pathlib import Path

import pytest

from sandbox.jobs.queue import Queue
from sandbox.kernel.errors import YuneiError
from tests.small_city import AVERAGE_SQL, COUNT_SQL, ENDED, City, ask, small_city


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory):
    with small_city(tmp_path_factory.mktemp("lineage"), residents=500, visits=1500) as made:
        made.promote(COUNT_SQL)
        made.promote(AVERAGE_SQL)
        made.count = made.release(COUNT_SQL, "count", "per-ning", "per-li")
        made.average = made.release(AVERAGE_SQL, "average")
        yield made


def trace(city: City, person: str, start: str, direction: str) -> dict[str, str]:
    graph = city.container.lineage.trace(city.person(person), start, direction)
    names = {node["id"] for node in graph["nodes"]}
    assert {edge[end] for edge in graph["edges"] for end in ("from", "to")} <= names
    return {node["id"]: node["kind"] for node in graph["nodes"]}


def snapshots(city: City, release: str) -> dict[str, str]:
    graph = city.container.lineage.trace(city.person("per-zhou"), release, "up")
    return {node["table"]: node["id"] for node in graph["nodes"] if node["kind"] == "snapshot"}


def test_up_from_a_release_lie_only_the_tables_that_its_job_read(city: City) -> None:
    assert set(snapshots(city, city.count["release"])) == {"residents"}
    assert set(snapshots(city, city.average["release"])) == {"residents", "visits", "hospitals"}


def test_down_from_a_snapshot_lie_only_the_jobs_that_read_its_table(city: City) -> None:
    visits = trace(city, "per-zhou", snapshots(city, city.average["release"])["visits"], "down")
    assert city.average["id"] in visits
    assert city.count["id"] not in visits
    assert visits["org-insurer"] == "recipient"
    residents = trace(city, "per-zhou", snapshots(city, city.average["release"])["residents"], "down")
    assert {city.average["id"], city.count["id"]} <= set(residents)


def test_an_institution_sees_what_read_its_own_tables_and_a_stranger_nothing(city: City) -> None:
    assert city.average["id"] in trace(city, "per-wang", city.average["id"], "down")
    for person, start in [("per-wang", city.count["id"]), ("per-sun", city.average["release"]), ("per-xi", city.average["id"])]:
        with pytest.raises(YuneiError, match="NOT_FOUND"):
            city.container.lineage.trace(city.person(person), start, "up")


def test_the_manifest_pins_the_extracts_that_the_run_read_although_newer_ones_were_built(city: City) -> None:
    supply, job = city.container.supply, city.submit(ask(COUNT_SQL, epsilon="0.3"), "rebuilt")["id"]
    city.worker._pipeline.run(Queue(city.container.parts, city.container.steps, "wrk-x").lease())
    with city.container.db.read() as tx:
        before = supply.workspace(tx, "agr-clinic-usage", "prod")
        grant = city.container.policies.grant(tx, "agr-clinic-usage")
    Path(before.extracts[0].path).unlink()
    supply.build(grant, "prod", "system")
    with city.container.db.read() as tx:
        assert supply.workspace(tx, "agr-clinic-usage", "prod").id != before.id
    city.review(city.until(job, frozenset({"in_egress"}))["review"], "per-ning", "per-li")
    release = city.until(job, ENDED)["release"]
    manifest = city.container.releases.manifest(city.person("per-zhao"), release)
    stated = manifest["statement"]["predicate"]["extracts"]
    assert stated == [{"table": "residents", "extract": before.id, "commitment": before.commitments["residents"]}]
