"""Neighbours: taking one unit away leaves every other unit's rows, pseudonyms and ranks as they were."""

import tempfile
from collections import defaultdict
from pathlib import Path

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policies.grant import PSEUDONYM, UNIT
from tests.supply_domain import Domain, resident, visit

KEYS = ("a", "b", "c", "d")
VISIT = st.tuples(
    st.sampled_from([*KEYS, "ghost", None]), st.sampled_from(["J06.9", "K29.5"]), st.sampled_from(["1.00", "2.00", None])
)
RESIDENT = st.tuples(st.sampled_from([*KEYS, None]), st.sampled_from(["f", "m", "x"]), st.integers(-5, 2000))

Rows = dict[int, list[tuple[object, ...]]]


def per_unit(table: pa.Table) -> Rows:
    """Rows by pseudonym, without the dense id, which is private and may change."""
    found: Rows = defaultdict(list)
    for row in table.drop_columns([UNIT]).to_pylist():
        found[row[PSEUDONYM]].append(tuple(row.values()))
    return dict(found)


def supplied(
    domain: Domain, people: list[tuple[str | None, str, int]], seen: list[tuple[str | None, str, str | None]]
) -> dict[str, Rows]:
    domain.load(
        [resident(key, gender, income=income) for key, gender, income in people],
        [visit(key, number, code, cost) for number, (key, code, cost) in enumerate(seen)],
    )
    tables = domain.build()
    return {name: per_unit(tables[name]) for name in ("residents", "visits")}


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    people=st.lists(RESIDENT, min_size=1, max_size=8),
    seen=st.lists(VISIT, max_size=25),
    gone=st.sampled_from(KEYS),
)
def test_removing_one_unit_changes_no_other(
    people: list[tuple[str | None, str, int]], seen: list[tuple[str | None, str, str | None]], gone: str
) -> None:
    with tempfile.TemporaryDirectory() as root:
        domain = Domain(Path(root))
        whole = supplied(domain, people, seen)
        less = supplied(domain, [row for row in people if row[0] != gone], [row for row in seen if row[0] != gone])
        domain.close()
    removed = set(whole["residents"]) - set(less["residents"])
    assert len(removed) <= 1
    for name in ("residents", "visits"):
        assert {pid: rows for pid, rows in whole[name].items() if pid not in removed} == less[name]
        assert all(len(rows) <= (1 if name == "residents" else 3) for rows in whole[name].values())
