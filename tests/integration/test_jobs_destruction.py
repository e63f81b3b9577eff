"""An agreement ends: its workspaces' keys go, the log says so, and a replay says what can no longer be checked."""

import json
from pathlib import Path

import pytest
from sqlalchemy import select

from connectors.sealing import Sealer
from sandbox.jobs.apply import apply
from sandbox.jobs.replay import derivation
from sandbox.jobs.replay.model import StepResult
from sandbox.kernel.audit import store as log
from sandbox.kernel.errors import YuneiError
from tests.small_city import AGREEMENT, COUNT_SQL, City, ask, small_city


@pytest.fixture
def city(tmp_path):
    with small_city(tmp_path, residents=300, visits=600) as made:
        made.promote(COUNT_SQL)
        yield made


def test_an_agreement_that_ends_takes_its_keys_with_it(city: City) -> None:
    container, directory = city.container, city.container.settings.keys / "workspaces"
    release = city.release(COUNT_SQL, "one", "per-ning", "per-li")["release"]
    assert set(city.replayed(release).values()) == {"pass"}
    city.submit(ask(COUNT_SQL, epsilon="0.2"), "two")
    with container.db.read() as tx:
        workspace = container.supply.workspace(tx, AGREEMENT, "prod").id

    container.tenants.change_state(city.person("per-li"), AGREEMENT, "end", "the term is over")
    assert (directory / f"prod.{AGREEMENT}.key").exists(), "the worker has not turned yet"
    with pytest.raises(YuneiError, match="AGREEMENT_SUSPENDED"):
        city.submit(ask(COUNT_SQL), "three")
    city.worker.turn()

    assert [path.name for path in directory.iterdir() if AGREEMENT in path.name and path.suffix == ".key"] == []
    assert not (container.settings.data_dir / "extracts" / "prod" / AGREEMENT).exists()
    after = city.replayed(release)
    assert (after[4], after[5]) == ("not_checkable", "not_checkable")
    assert {after[number] for number in after if number not in {4, 5, 7}} == {"pass"}

    apply(container, city.directory / "city", "system")
    assert not (directory / f"prod.{AGREEMENT}.key").exists(), "a later apply builds nothing for it"
    with container.db.read() as tx:
        written = [json.loads(row.event) for row in tx.execute(select(log.events).where(log.events.c.subject == AGREEMENT))]
    destroyed = [one["payload"] for one in written if one["type"] == "workspace.destroyed"]
    assert {(one["environment"], workspace in one["extracts"]) for one in destroyed} == {("dev", False), ("prod", True)}


def destroyed(city: City) -> None:
    """Do what a worker does with the message, between two steps of another."""
    container = city.container
    with container.db.write() as tx:
        container.supply.destroy(tx, {"agreement": AGREEMENT, "parties": ["org-a"]})


def digesting(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = Sealer.digest

    def overtaken(sealer: Sealer, path: Path, table: str) -> str | None:
        destroyed(city)
        return digest(sealer, path, table)

    monkeypatch.setattr(Sealer, "digest", overtaken)


def opening(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    extracts = derivation.extracts

    def overtaken(*given: object) -> StepResult:
        found = extracts(*given)
        assert found.verdict == "pass"
        destroyed(city)
        return found

    monkeypatch.setattr(derivation, "extracts", overtaken)


def unreadable(city: City, _monkeypatch: pytest.MonkeyPatch) -> None:
    with city.container.db.read() as tx:
        path = Path(city.container.supply.workspace(tx, AGREEMENT, "prod").extracts[0].path)
    path.unlink()
    path.mkdir()  # reading it fails, whoever tries


@pytest.mark.parametrize(
    ("meanwhile", "extracts"), [(digesting, "not_checkable"), (opening, "pass"), (unreadable, "not_checkable")]
)
def test_a_replay_that_meets_the_end_of_its_extracts_finishes_and_accuses_nobody(city, monkeypatch, meanwhile, extracts) -> None:
    release = city.release(COUNT_SQL, "one", "per-ning", "per-li")["release"]
    meanwhile(city, monkeypatch)
    after = city.replayed(release)
    assert (after.pop(4), after.pop(5), after.pop(7)) == (extracts, "not_checkable", "not_checkable")
    assert set(after.values()) == {"pass"}


def test_a_beat_removes_dead_copies_though_the_database_fails(city, monkeypatch) -> None:
    container = city.container
    with container.db.read() as tx:
        extracts = container.supply.workspace(tx, AGREEMENT, "prod").extracts
    with container.supply.vault.opened(extracts) as opened:
        copies = [Path(ref.path) for ref in opened]
    container.keys.directory.joinpath("workspaces", f"prod.{AGREEMENT}.destroyed").touch()  # by another machine's worker

    def locked() -> None:
        raise TimeoutError

    monkeypatch.setattr(city.worker._queue, "reclaim", locked)
    city.worker._next_beat = 0.0
    with pytest.raises(TimeoutError):
        city.worker.turn()
    assert not any(copy.exists() for copy in copies)
