"""An agreement ends: its workspaces' keys go, the log says so, and a replay says what can no longer be checked."""

import json

import pytest
from sqlalchemy import select

from sandbox.jobs.apply import apply
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
