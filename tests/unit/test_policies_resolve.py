"""Resolution takes the strictest of catalog and policy, and refuses what either does not know."""

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from policies.catalog import Catalog, CatalogItem
from policies.decide import decide
from policies.grant import Grant
from policies.policy import Policy
from policies.query import Allowed, Refused
from policies.resolve import resolve
from tests.factories_policies import GRANT, catalog, grant, policy_document, submitted


def _refused(change: Any) -> set[str]:
    document = policy_document()
    change(document)
    found = resolve(Policy.model_validate(document), catalog())
    return {item.code for item in found.findings} if isinstance(found, Refused) else set()


def test_bounds_are_the_narrower_interval_in_the_coarser_step() -> None:
    income = GRANT.tables["residents"].columns["income"]
    assert (income.low, income.high, income.step) == (0, 500_000, 1)


def test_coarsened_dates_have_whole_periods_as_bounds_and_domain() -> None:
    visited = GRANT.tables["visits"].columns["visit_date"]
    assert visited.dates == (date(2024, 1, 1), date(2025, 12, 1))
    assert visited.domain is not None
    assert len(visited.domain) == 24


def test_text_domains_have_a_place_for_everything_else() -> None:
    assert GRANT.tables["residents"].columns["gender"].domain == ("F", "M", "__other")


def test_unit_keys_of_all_tables_share_one_key_space() -> None:
    spaces = {GRANT.tables[name].columns["resident_id"].key_of for name in ("residents", "visits", "payments")}
    assert spaces == {"residents.resident_id"}
    assert GRANT.tables["visits"].columns["hospital"].key_of is None


def test_caps_are_the_stricter_ones() -> None:
    assert GRANT.tables["visits"].max_rows == 50
    assert GRANT.tables["payments"].max_rows == 12


def test_the_digest_is_stable_and_covers_both_documents() -> None:
    assert grant().digest == GRANT.digest
    assert grant(version=4).digest != GRANT.digest
    wider = catalog()
    items = {**wider.items, "visits": wider.items["visits"].model_copy(update={"rows_band": 7})}
    again = resolve(GRANT.policy, wider.model_copy(update={"items": items}))
    assert isinstance(again, Grant)
    assert (again.policy_digest, again.digest != GRANT.digest) == (GRANT.policy_digest, True)


@pytest.mark.parametrize(
    ("code", "path", "value"),
    [
        ("POLICY_TABLE_UNKNOWN", ("tables", "secrets"), {"public": True, "columns": {"a": {"use": ["group"]}}}),
        ("POLICY_COLUMN_UNKNOWN", ("tables", "residents", "columns", "nope"), {"use": ["group"]}),
        ("POLICY_UNIT_MISMATCH", ("tables", "visits", "unit", "references"), None),
        ("POLICY_LOOSER", ("tables", "visits", "unit", "max_rows"), 201),
        ("POLICY_LOOSER", ("tables", "residents", "columns", "income", "clamp"), [0, 2_000_000]),
        ("POLICY_LOOSER", ("tables", "residents", "columns", "balance", "step"), 7),
        ("POLICY_USE_FORBIDDEN", ("tables", "residents", "columns", "name"), {"use": ["group"]}),
        ("POLICY_USE_FORBIDDEN", ("tables", "residents", "columns", "resident_id"), {"use": ["join", "group"]}),
        ("POLICY_USE_FORBIDDEN", ("tables", "residents", "columns", "gender", "functions"), ["sum"]),
        ("POLICY_COARSEN_INVALID", ("tables", "residents", "columns", "gender", "coarsen"), "month"),
        ("POLICY_JOIN_INVALID", ("joins",), [["visits.department", "hospitals.hospital"]]),
        ("POLICY_DELTA_TOO_LARGE", ("protection", "delta"), "0.01"),
        ("POLICY_MODE_UNAVAILABLE", ("protection", "mode"), "secure_sum"),
        ("POLICY_SMALL_GROUPS_UNAVAILABLE", ("output", "small_groups"), "merge"),
        ("POLICY_ROUTE_UNAVAILABLE", ("review", "route"), "panel"),
        ("POLICY_AUTO_IN_PROD", ("review", "route"), "auto"),
    ],
)
def test_what_is_looser_or_unknown_is_refused(code: str, path: tuple[str, ...], value: Any) -> None:
    def change(document: dict[str, Any]) -> None:
        place = document
        for part in path[:-1]:
            place = place[part]
        place[path[-1]] = value

    assert code in _refused(change)


def test_delta_is_at_most_a_hundredth_of_one_over_the_size_band() -> None:
    most = {**policy_document()["protection"], "delta": "0.000001"}
    assert grant(protection=most).size_band == 10_000
    assert _refused(lambda document: document["protection"].update(delta="0.0000010001")) == {"POLICY_DELTA_TOO_LARGE"}


def test_a_policy_for_dev_alone_may_be_reviewed_by_rule() -> None:
    assert grant(environment=["dev"], review={"route": "auto"}).policy.review.route == "auto"


def test_the_size_band_is_the_units_own_even_where_only_a_child_table_is_granted() -> None:
    document = policy_document()
    document["tables"] = {"payments": document["tables"]["payments"]}
    document["joins"] = []
    items = dict(catalog().items)
    unit = items["residents"].unit
    assert unit is not None
    items["residents"] = items["residents"].model_copy(update={"unit": unit.model_copy(update={"size_band": 20_000})})
    found = resolve(Policy.model_validate(document), Catalog(items=items))
    assert isinstance(found, Grant)
    assert found.size_band == 20_000


def test_a_column_without_null_is_never_null_to_a_query_and_needs_a_text_domain() -> None:
    items = dict(catalog().items)
    item = items["residents"].model_dump()
    item["columns"]["gender"]["nullable"] = False
    items["residents"] = CatalogItem.model_validate(item)
    found = resolve(Policy.model_validate(policy_document()), Catalog(items=items))
    assert isinstance(found, Grant)
    verdict = decide(submitted("SELECT gender, insured, count(*) AS n FROM residents GROUP BY gender, insured"), found)
    assert isinstance(verdict, Allowed)
    assert [key.nullable for key in verdict.governed.cores[0].keys] == [False, True]
    for column in ("insured", "street", "birth_date", "balance"):
        wrong = items["residents"].model_dump()
        wrong["columns"][column]["nullable"] = False
        with pytest.raises(ValidationError, match="nullable"):
            CatalogItem.model_validate(wrong)
