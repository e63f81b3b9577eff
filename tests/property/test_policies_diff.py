"""Differences of random versions: none of a policy with itself, opposite when swapped, and what is only narrower allows no more."""

import random
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from policies.decide import decide
from policies.diff import Change, diff
from policies.grant import Grant
from policies.policy import Policy
from policies.query import Allowed, Refused
from policies.resolve import resolve
from tests.factories_policies import GRANT, catalog, policy_document, submitted

Document = dict[str, Any]
Edit = Callable[[Document, random.Random], None]

CORPUS = Path(__file__).parents[1] / "sql"


def corpus() -> list[str]:
    """Every statement of the fixtures: a block each where a comment heads it, else a line each."""
    found: list[str] = []
    for path in sorted(CORPUS.rglob("*.sql")):
        for block in path.read_text(encoding="utf-8").split("\n\n"):
            lines = block.strip("\n").split("\n")
            found += ["\n".join(lines[1:])] if lines[0].startswith("-- ") else lines
    return [sql for sql in dict.fromkeys(found) if sql]


STATEMENTS = corpus()


def _column(document: Document, draw: random.Random) -> tuple[Document, str]:
    table = document["tables"][draw.choice(sorted(document["tables"]))]
    return table["columns"], draw.choice(sorted(table["columns"]))


def _unit(document: Document, draw: random.Random) -> Document:
    private = sorted(name for name, table in document["tables"].items() if "unit" in table)
    unit: Document = document["tables"][draw.choice(private)]["unit"] if private else {}
    return unit


def _drop(members: list[Any], draw: random.Random) -> list[Any]:
    gone = draw.choice(members) if len(members) > 1 else None
    return [one for one in members if one is not gone]


def drop_table(document: Document, draw: random.Random) -> None:
    if len(document["tables"]) > 1:
        gone = draw.choice(sorted(document["tables"]))
        del document["tables"][gone]
        document["joins"] = [join for join in document["joins"] if not any(side.startswith(f"{gone}.") for side in join)]


def drop_column(document: Document, draw: random.Random) -> None:
    columns, name = _column(document, draw)
    if len(columns) > 1:
        del columns[name]
        document["joins"] = [
            join
            for join in document["joins"]
            if all(column in document["tables"][table]["columns"] for side in join for table, column in [side.split(".")])
        ]


def drop_use(document: Document, draw: random.Random) -> None:
    columns, name = _column(document, draw)
    columns[name] = {**columns[name], "use": _drop(columns[name]["use"], draw)}
    if "aggregate" not in columns[name]["use"]:
        columns[name].pop("functions", None)


def drop_function(document: Document, draw: random.Random) -> None:
    columns, name = _column(document, draw)
    columns[name] = {**columns[name], "functions": columns[name].get("functions", [])[1:]}


def drop_join(document: Document, draw: random.Random) -> None:
    document["joins"] = _drop(document["joins"], draw) if document["joins"] else []


def coarser(document: Document, draw: random.Random) -> None:
    columns, name = _column(document, draw)
    now = columns[name].get("coarsen")
    finer = {None: ["month", "prefix:5"], "month": ["quarter", "year"], "quarter": ["year"], "prefix:3": ["prefix:2"]}
    columns[name] = {**columns[name], "coarsen": draw.choice(finer.get(now, [now]))}


def tighter_clamp(document: Document, draw: random.Random) -> None:
    columns, name = _column(document, draw)
    if columns[name].get("clamp"):
        low, high = columns[name]["clamp"]
        columns[name] = {**columns[name], "clamp": [low, max(low, high // draw.choice((1, 2, 10)))]}


def coarser_step(document: Document, draw: random.Random) -> None:
    columns, name = _column(document, draw)
    if columns[name].get("step") in {"0.01", 1}:
        columns[name] = {**columns[name], "step": draw.choice((2, 5, 10))}


def tighter_caps(document: Document, draw: random.Random) -> None:
    unit, cap = _unit(document, draw), draw.choice(("max_rows", "max_groups", "max_rows_per_group"))
    unit[cap] = min(unit.get(cap, 12), draw.randint(1, 12))
    if "references" not in unit:
        unit.pop("max_rows", None)


def more_filter(document: Document, draw: random.Random) -> None:
    document["tables"][draw.choice(sorted(document["tables"]))].setdefault("rows", "insured")


def tighter_terms(document: Document, draw: random.Random) -> None:
    place, name, value = draw.choice(
        (
            ("valid", "max_jobs", 3),
            ("output", "max_rows", 9000),
            ("output", "min_units", 12),
            ("protection", "epsilon", "3.5"),
            ("protection", "per_job_epsilon_max", "0.4"),
            ("review", "route", "panel"),
        )
    )
    document[place] = {**document[place], name: value}


NARROWING: list[Edit] = [
    *(drop_table, drop_column, drop_use, drop_function, drop_join),
    *(coarser, tighter_clamp, coarser_step, tighter_caps, more_filter, tighter_terms),
]


def any_value(document: Document, draw: random.Random) -> None:
    """Put one term to any value, narrower or wider."""
    columns, name = _column(document, draw)
    terms = {
        "use": draw.sample(["join", "group", "compare", "aggregate", "count_distinct"], draw.randint(1, 5)),
        "functions": draw.sample(["count", "sum", "avg", "min", "max", "quantile"], draw.randint(0, 6)),
        "coarsen": draw.choice((None, "year", "quarter", "month", "prefix:1", "prefix:7")),
        "clamp": draw.choice((None, sorted(draw.sample(range(9), 2)))),
        "step": draw.choice((None, "0.01", "0.02", "0.05", 1, 3)),
    }
    term = draw.choice(sorted(terms))
    columns[name] = {**columns[name], term: terms[term]}
    document["purpose"] = draw.sample(["research", "planning", "pricing"], draw.randint(1, 3))
    document["environment"] = draw.sample(["dev", "prod"], draw.randint(1, 2))
    document["valid"] = {"from": f"2026-0{draw.randint(1, 9)}-01", "until": f"2027-0{draw.randint(1, 9)}-01", "max_jobs": 5}
    document["review"] = {"route": draw.choice(("auto", "two_person", "panel"))}
    document["protection"] = {**document["protection"], "mode": draw.choice(("dp", "exact", "secure_sum"))}
    document["output"] = {
        **document["output"],
        "small_groups": draw.choice(("suppress", "merge")),
        "min_units": draw.randint(1, 20),
    }


def version(seed: int, edits: list[Edit], times: int, base: Document | None = None) -> Document:
    draw, document = random.Random(seed), deepcopy(base or policy_document())
    for _ in range(times):
        draw.choice(edits)(document, draw)
    return document


EVERYTHING: list[Edit] = [*NARROWING, any_value]
OPPOSITE = {"wider": "narrower", "narrower": "wider", "neutral": "neutral"}


def facts(change: Change, *, swapped: bool = False) -> tuple[str, str, str]:
    before, after = (change.after, change.before) if swapped else (change.before, change.after)
    return change.path, str(before), str(after)


@given(st.integers(0, 2**32), st.integers(0, 6))
def test_a_policy_does_not_differ_from_itself(seed: int, times: int) -> None:
    document = version(seed, EVERYTHING, times)
    one, other = (Policy.model_validate(deepcopy(document)) for _ in range(2))
    assert diff(one, other) == ()


@given(st.integers(0, 2**32), st.integers(0, 2**32), st.integers(1, 8))
def test_swapped_versions_differ_in_the_opposite_direction_unless_it_is_unknown(seed: int, other: int, times: int) -> None:
    old, new = (Policy.model_validate(version(one, EVERYTHING, times)) for one in (seed, other))
    there, back = diff(old, new), diff(new, old)
    assert {facts(change) for change in there} == {facts(change, swapped=True) for change in back}
    backwards = {facts(change, swapped=True): change for change in back}
    for change in there:
        opposite = backwards[facts(change)]
        if not (change.unknown or opposite.unknown):
            assert opposite.direction == OPPOSITE[change.direction], change


@given(st.integers(0, 2**32), st.integers(0, 2**32), st.integers(1, 8))
def test_no_difference_of_a_part_goes_unseen(seed: int, other: int, times: int) -> None:
    old, new = (Policy.model_validate(version(one, EVERYTHING, times)) for one in (seed, other))
    seen = {change.path.split(".")[0] for change in diff(old, new)}
    for part in ("valid", "protection", "output", "review", "tables"):
        assert (part in seen) == (getattr(old, part) != getattr(new, part)), part


@pytest.mark.parametrize("edit", NARROWING, ids=[edit.__name__ for edit in NARROWING])
def test_narrowing_edits_are_told_as_narrower(edit: Edit) -> None:
    base, narrowed = Policy.model_validate(policy_document()), 0
    for seed in range(40):
        found = diff(base, Policy.model_validate(version(seed, [edit], 1)))
        assert {change.direction for change in found} <= {"narrower"}, [change.as_json() for change in found]
        narrowed += bool(found)
    assert narrowed


def test_there_are_enough_statements() -> None:
    assert len(STATEMENTS) >= 300


NOT_OF_THE_GRANT = frozenset({"NAME_SHADOWS_TABLE", "COLUMN_AMBIGUOUS", "RANGE_TOO_WIDE", "JOIN_MULTIPLIES"})
"""A table that is gone leaves its name free, a column that is gone makes another unambiguous, a smaller number fits, and
fewer rows of a unit multiply to fewer."""


@given(st.integers(0, 2**32), st.integers(0, 3), st.integers(1, 4))
@settings(max_examples=30)
def test_what_is_only_narrower_allows_no_query_that_was_refused_for_what_it_reads(seed: int, before: int, after: int) -> None:
    """Also from a policy that was narrowed already: of ordinary queries some are refused under it, and stay refused."""
    first = version(seed, NARROWING, before)
    second = version(seed + 1, NARROWING, after, first)
    old, new = (resolve(Policy.model_validate(document), catalog()) for document in (first, second))
    assume(isinstance(old, Grant) and isinstance(new, Grant))
    assert isinstance(old, Grant)
    assert isinstance(new, Grant)
    changes = diff(old.policy, new.policy)
    assert all(change.direction != "wider" for change in changes)
    for sql in random.Random(seed).sample(STATEMENTS, 150):
        query = submitted(sql, {"x": "1"} if "$x" in sql else None)
        then, now = decide(query, old), decide(query, new)
        if isinstance(then, Refused) and isinstance(now, Allowed):
            assert {item.code for item in then.findings} <= NOT_OF_THE_GRANT, (sql, [change.as_json() for change in changes])
            for use in now.governed.tables:
                assert set(use.columns) <= set(old.tables[use.table].columns), sql


def test_the_corpus_has_both_kinds_of_queries() -> None:
    verdicts = [isinstance(decide(submitted(sql), GRANT), Refused) for sql in random.Random(1).sample(STATEMENTS, 200)]
    assert 20 < sum(verdicts) < 190
