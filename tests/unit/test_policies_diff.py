"""Every term has a rule, every rule its direction, and what cannot be decided counts as wider."""

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from pydantic import BaseModel

from policies.catalog import Catalog, CatalogItem
from policies.diff import Change, diff, diff_catalogs, is_wider
from policies.diff_rules import TERMS, Inside, Named, Rule
from policies.policy import Policy
from sandbox.kernel.canonical import canonical_bytes
from tests.factories_policies import catalog, policy, policy_document

Place = tuple[Any, ...]
COST = ("tables", "visits", "columns", "cost")
INCOME = ("tables", "residents", "columns", "income")


def put(document: dict[str, Any], place: Place, value: Any) -> None:
    target: Any = document
    for step in place[:-1]:
        target = target[step]
    if value is ...:
        target.pop(place[-1], None)
    else:
        target[place[-1]] = value


def changes(place: Place, value: Any, before: Any = None) -> tuple[Change, ...]:
    """Return the difference that one value makes; `before` is put there first. An ellipsis leaves the key out."""
    old = deepcopy(policy_document())
    if before is not None:
        put(old, place, before)
    new = deepcopy(old)
    put(new, place, value)
    return diff(Policy.model_validate(old), Policy.model_validate(new))


def models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield model
    for term in TERMS[model].values():
        if isinstance(term, (Inside, Named)):
            yield from models(term.model)


WHOLE = {"Case", "ColumnType"}
"""Models that are compared as one value: a case grants nothing, a type has no parts to change alone."""


@pytest.mark.parametrize("root", [Policy, Catalog])
def test_every_field_of_every_part_has_a_rule(root: type[BaseModel]) -> None:
    for model in models(root):
        assert set(TERMS[model]) == set(model.model_fields), model
        for name, field in model.model_fields.items():
            parts = {part for part in TERMS if re.search(rf"\b{part.__name__}\b", str(field.annotation))}
            term = TERMS[model][name]
            assert parts == ({term.model} if isinstance(term, (Inside, Named)) else set()), (model, name)


def test_no_part_of_a_document_is_left_out() -> None:
    for root in (Policy, Catalog):
        defined = {name for name, schema in root.model_json_schema()["$defs"].items() if schema.get("type") == "object"}
        walked = {model.__name__ for model in models(root)} - {root.__name__}
        assert defined - walked <= WHOLE | {"Refused", "DateValue", "DecimalValue"}
        assert walked <= defined


def test_every_rule_explains_itself_in_both_languages() -> None:
    rules: dict[str, Rule] = {}
    for terms in TERMS.values():
        for term in terms.values():
            rule = term if isinstance(term, Rule) else term.rule
            assert rules.setdefault(rule.name, rule) is rule
            assert re.search(r"[\u4e00-\u9fff]", rule.zh)
            assert re.match(r"[A-Z]", rule.en)


DIRECTIONS: list[tuple[Place, Any, Any, str, str, str]] = [
    # place, before (None: as in the factory), after, path, kind, direction
    (("purpose",), None, ["public_health_planning", "research"], "purpose", "added", "wider"),
    (("purpose",), ["research", "planning"], ["planning"], "purpose", "removed", "narrower"),
    (("environment",), ["dev"], ["dev", "prod"], "environment", "added", "wider"),
    (("version",), None, 4, "version", "changed", "neutral"),
    (("policy",), None, "other", "policy", "changed", "neutral"),
    (("agreement",), None, "agr-other", "agreement", "changed", "unknown"),
    (("valid", "from"), None, "2025-12-31", "valid.from", "changed", "wider"),
    (("valid", "until"), None, "2026-12-30", "valid.until", "changed", "narrower"),
    (("valid", "max_jobs"), None, 501, "valid.max_jobs", "changed", "wider"),
    (("protection", "mode"), None, "exact", "protection.mode", "changed", "wider"),
    (("protection", "mode"), "exact", "dp", "protection.mode", "changed", "narrower"),
    (("protection", "mode"), None, "secure_sum", "protection.mode", "changed", "unknown"),
    (("protection", "epsilon"), None, "4.1", "protection.epsilon", "changed", "wider"),
    (("protection", "delta"), None, "0.00000001", "protection.delta", "changed", "narrower"),
    (("protection", "per_job_epsilon_max"), None, "1", "protection.per_job_epsilon_max", "changed", "wider"),
    (("output", "max_rows"), None, 5, "output.max_rows", "changed", "narrower"),
    (("output", "max_cells"), None, 5, "output.max_cells", "changed", "narrower"),
    (("output", "min_units"), None, 9, "output.min_units", "changed", "wider"),
    (("output", "small_groups"), None, "merge", "output.small_groups", "changed", "unknown"),
    (("review", "route"), None, "auto", "review.route", "changed", "wider"),
    (("review", "route"), None, "panel", "review.route", "changed", "narrower"),
    (("tables", "payments"), None, ..., "tables.payments", "removed", "narrower"),
    (("tables", "residents", "rows"), None, ..., "tables.residents.rows", "removed", "wider"),
    (("tables", "visits", "rows"), None, "days > 3", "tables.visits.rows", "added", "narrower"),
    (("tables", "residents", "rows"), None, "insured", "tables.residents.rows", "changed", "unknown"),
    (("tables", "visits", "unit", "key"), None, "hospital", "tables.visits.unit.key", "changed", "unknown"),
    (("tables", "visits", "unit", "references"), None, ..., "tables.visits.unit.references", "removed", "unknown"),
    (("tables", "visits", "unit", "max_rows"), None, 51, "tables.visits.unit.max_rows", "changed", "wider"),
    (("tables", "visits", "unit", "max_rows"), None, ..., "tables.visits.unit.max_rows", "removed", "wider"),
    (("tables", "visits", "unit", "max_groups"), None, 3, "tables.visits.unit.max_groups", "added", "narrower"),
    (("tables", "visits", "unit", "max_groups"), 3, 4, "tables.visits.unit.max_groups", "changed", "wider"),
    (("tables", "visits", "unit", "max_rows_per_group"), 3, 2, "tables.visits.unit.max_rows_per_group", "changed", "narrower"),
    (("tables", "visits", "columns", "days"), None, ..., "tables.visits.columns.days", "removed", "narrower"),
    ((*COST, "use"), None, ["aggregate", "compare"], "tables.visits.columns.cost.use", "added", "wider"),
    ((*INCOME, "functions"), None, ["sum", "quantile"], "tables.residents.columns.income.functions", "removed", "narrower"),
    (
        (*INCOME, "functions"),
        None,
        ["sum", "avg", "quantile", "count"],
        "tables.residents.columns.income.functions",
        "added",
        "wider",
    ),
    ((*COST, "coarsen"), "year", "month", "tables.visits.columns.cost.coarsen", "changed", "wider"),
    ((*COST, "coarsen"), "month", "quarter", "tables.visits.columns.cost.coarsen", "changed", "narrower"),
    ((*COST, "coarsen"), "prefix:3", "prefix:4", "tables.visits.columns.cost.coarsen", "changed", "wider"),
    ((*COST, "coarsen"), "prefix:10", "prefix:9", "tables.visits.columns.cost.coarsen", "changed", "narrower"),
    ((*COST, "coarsen"), "prefix:3", "year", "tables.visits.columns.cost.coarsen", "changed", "unknown"),
    ((*COST, "coarsen"), "year", ..., "tables.visits.columns.cost.coarsen", "removed", "wider"),
    ((*COST, "coarsen"), None, "year", "tables.visits.columns.cost.coarsen", "added", "narrower"),
    ((*COST, "clamp"), None, [0, 20001], "tables.visits.columns.cost.clamp", "changed", "wider"),
    ((*COST, "clamp"), None, [1, 20000], "tables.visits.columns.cost.clamp", "changed", "narrower"),
    ((*COST, "clamp"), None, [1, 20001], "tables.visits.columns.cost.clamp", "changed", "unknown"),
    ((*COST, "clamp"), None, ..., "tables.visits.columns.cost.clamp", "removed", "unknown"),
    ((*COST, "step"), None, "0.03", "tables.visits.columns.cost.step", "changed", "narrower"),
    ((*COST, "step"), None, "0.005", "tables.visits.columns.cost.step", "changed", "wider"),
    ((*COST, "step"), None, "0.015", "tables.visits.columns.cost.step", "changed", "unknown"),
    ((*COST, "step"), None, ..., "tables.visits.columns.cost.step", "removed", "wider"),
    (("joins",), [["visits.hospital", "hospitals.hospital"]], [], "joins", "removed", "narrower"),
    (("joins",), [], [["visits.hospital", "hospitals.hospital"]], "joins", "added", "wider"),
    (("cases",), [], [{"sql": "SELECT 1", "expect": "allowed"}], "cases", "added", "neutral"),
]


@pytest.mark.parametrize(
    ("place", "before", "after", "path", "kind", "direction"),
    DIRECTIONS,
    ids=[f"{line[3]}-{line[5]}-{i}" for i, line in enumerate(DIRECTIONS)],
)
def test_each_term_has_its_direction(place: Place, before: Any, after: Any, path: str, kind: str, direction: str) -> None:
    (change,) = changes(place, after, before)
    assert (change.path, change.kind) == (path, kind)
    assert change.unknown == (direction == "unknown")
    assert change.direction == ("wider" if direction == "unknown" else direction)
    assert is_wider((change,)) == (change.direction == "wider")


def test_a_table_that_becomes_public_loses_its_unit_and_is_wider() -> None:
    found = changes(("tables", "payments"), {"public": True, "columns": {"channel": {"use": ["group"]}}})
    assert {change.path: change.direction for change in found if "columns" not in change.path} == {
        "tables.payments.public": "wider",
        "tables.payments.unit": "wider",
    }


def test_values_stand_as_in_the_document() -> None:
    (removed,) = changes(("tables", "payments", "columns", "amount"), ...)
    assert removed.before == {"use": ["aggregate"], "functions": ["avg", "count", "quantile", "sum"]}
    (delta,) = changes(("protection", "delta"), "0.00000001")
    assert (delta.before, delta.after) == ("0.0000001", "0.00000001")
    (first,) = changes(("valid", "from"), "2025-12-31")
    assert first.as_json() == {
        "path": "valid.from",
        "kind": "changed",
        "before": "2026-01-01",
        "after": "2025-12-31",
        "direction": "wider",
        "rule": "earlier_is_wider",
        "reason": {"zh": "开始越早越宽", "en": "An earlier beginning is wider"},
    }
    canonical_bytes([change.as_json() for change in changes(("tables", "visits"), ...)])


def test_order_of_lists_of_keys_and_spelling_of_decimals_are_no_change() -> None:
    document = policy_document()
    document["joins"] = [[right, left] for left, right in reversed(document["joins"])]
    document["environment"] = ["prod", "dev"]
    document["protection"]["epsilon"] = "4"
    document["tables"] = dict(reversed(document["tables"].items()))
    assert diff(policy(), Policy.model_validate(document)) == ()


def test_no_rule_means_no_difference_that_passes_unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TERMS, Policy, {name: term for name, term in TERMS[Policy].items() if name != "output"})  # type: ignore[arg-type]
    with pytest.raises(KeyError):
        diff(policy(), policy(version=4))


CATALOG: list[tuple[Place, Any, str, str]] = [
    (("title",), "x", "visits.title", "neutral"),
    (("version",), 2, "visits.version", "neutral"),
    (("lineage",), "health.other", "visits.lineage", "unknown"),
    (("institution",), "org-other", "visits.institution", "unknown"),
    (("rows_band",), 7, "visits.rows_band", "unknown"),
    (("unit", "kind"), "firm", "visits.unit.kind", "unknown"),
    (("unit", "max_rows"), 201, "visits.unit.max_rows", "wider"),
    (("unit", "size_band"), 20_000, "visits.unit.size_band", "unknown"),
    (("unique",), ["hospital"], "visits.unique", "wider"),
    (("columns", "days"), ..., "visits.columns.days", "narrower"),
    (("columns", "cost", "type"), "decimal(9,2)", "visits.columns.cost.type", "unknown"),
    (("columns", "cost", "category"), "free_text", "visits.columns.cost.category", "narrower"),
    (("columns", "resident_id", "category"), "dimension", "visits.columns.resident_id.category", "wider"),
    (("columns", "cost", "category"), "dimension", "visits.columns.cost.category", "unknown"),
    (("columns", "cost", "level"), "L2", "visits.columns.cost.level", "wider"),
    (("columns", "cost", "level"), "L4", "visits.columns.cost.level", "narrower"),
    (("columns", "cost", "bounds"), ["0", "10"], "visits.columns.cost.bounds", "narrower"),
    (("columns", "cost", "bounds"), ..., "visits.columns.cost.bounds", "unknown"),
    (("columns", "cost", "step"), "0.02", "visits.columns.cost.step", "narrower"),
    (("columns", "visit_date", "bounds"), ["2024-01-01", "2026-12-20"], "visits.columns.visit_date.bounds", "wider"),
    (("columns", "department", "domain"), ["内科"], "visits.columns.department.domain", "narrower"),
    (("columns", "department", "domain"), ["内科", "外科", "儿科", "眼科"], "visits.columns.department.domain", "wider"),
    (("columns", "department", "domain"), ["儿科", "外科", "内科"], "visits.columns.department.domain", "neutral"),
    (("columns", "department", "domain"), ["内科", "眼科"], "visits.columns.department.domain", "unknown"),
    (("columns", "department", "domain"), ..., "visits.columns.department.domain", "unknown"),
    (("columns", "department", "nullable"), False, "visits.columns.department.nullable", "narrower"),
]


@pytest.mark.parametrize(
    ("place", "value", "path", "direction"), CATALOG, ids=[f"{i}-{line[2]}" for i, line in enumerate(CATALOG)]
)
def test_a_catalog_is_compared_item_by_item(place: Place, value: Any, path: str, direction: str) -> None:
    old = catalog()
    document: Any = json.loads(old.items["visits"].model_dump_json())
    put(document, place, value)
    new = Catalog(items={**old.items, "visits": CatalogItem.model_validate(document)})
    (change,) = diff_catalogs(old, new)
    assert change.path == path
    assert ("unknown" if change.unknown else change.direction) == direction
    assert diff_catalogs(new, new) == ()


def test_a_table_that_enters_the_catalog_may_be_granted() -> None:
    old = catalog()
    fewer = Catalog(items={name: item for name, item in old.items.items() if name != "hospitals"})
    (came,), (went,) = diff_catalogs(fewer, old), diff_catalogs(old, fewer)
    assert (came.path, came.kind, came.direction) == ("hospitals", "added", "wider")
    assert (went.path, went.kind, went.direction) == ("hospitals", "removed", "narrower")
