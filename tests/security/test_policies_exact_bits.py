"""Nothing about one resident may decide whether a run fails, how a row multiplies, or which groups are possible."""

from typing import Any

import pytest

from policies.catalog import Catalog, CatalogItem
from policies.decide import decide
from policies.engine.emit import emit
from policies.grant import Grant
from policies.policy import Policy
from policies.query import Allowed, Bounding, Refused
from policies.resolve import resolve
from tests.factories_policies import catalog, codes, governed, policy_document, submitted
from tests.reference_policies import City, run

BOUNDING = Bounding("unit_group", 100, 10, 10, False, (0,), False)
RICH = {"__unit": 0, "__pid": 7, "__rank": 0, "resident_id": 7, "balance": 4000, "gender": "F", "insured": True}


@pytest.mark.parametrize(
    "argument",
    [
        "CASE WHEN balance > 3000 THEN 2000000000 * 2 ELSE 0 END",
        "CASE WHEN balance > 3000 THEN 2000000000 ELSE 0 END * 3",
        "CASE WHEN insured THEN 2147483647 ELSE 0 END + 1",
        "CASE WHEN CAST(insured AS INT) * 2000000000 * 2 > 0 THEN 1 ELSE 0 END",
        "COALESCE(NULLIF(CASE WHEN insured THEN 2147483647 ELSE 1 END, 1), 0) + 2000000000",
        "ABS(CASE WHEN insured THEN -2147483647 - 1 ELSE 0 END)",
        "-(CASE WHEN insured THEN -2147483647 - 1 ELSE 0 END)",
    ],
)
def test_no_constant_overflows_on_one_residents_row(argument: str) -> None:
    (core,) = governed(f"SELECT sum({argument}) AS x FROM residents").cores
    rows = run(emit(core, BOUNDING), City((RICH,), (), ()), {})
    assert len(rows) == 1


def _granted(column: dict[str, Any], terms: dict[str, Any], **public: Any) -> Grant | Refused:
    """Grant one more integer column `code` of residents and of hospitals."""
    items = dict(catalog().items)
    document = policy_document()
    for table in ("residents", "hospitals"):
        item = items[table].model_dump()
        item["columns"]["code"] = {"type": "integer", "category": "dimension", "level": "L1", **column}
        if table == "hospitals":
            item |= public
        items[table] = CatalogItem.model_validate(item)
        document["tables"][table]["columns"]["code"] = {"use": ["join", "group"], **terms}
    document["joins"] = [*document["joins"], ["residents.code", "hospitals.code"]]
    found = resolve(Policy.model_validate(document), Catalog(items=items))
    assert isinstance(found, Grant)
    return found


STEPPED = {"bounds": (0, 100), "step": 10}


def test_a_stepped_key_shows_values_and_its_domain_holds_them() -> None:
    grant = _granted({**STEPPED, "domain": (10, 20, 100, 104)}, {"clamp": (0, 50)})
    assert isinstance(grant, Grant)
    found = decide(submitted("SELECT code, count(*) AS n FROM residents GROUP BY code"), grant)
    assert isinstance(found, Allowed)
    (core,) = found.governed.cores
    (key,) = core.keys
    assert key.domain == (10, 20, 50)
    assert "* 10" in core.relation


def test_a_column_that_rounding_merges_is_not_unique() -> None:
    sql = "SELECT count(*) AS n FROM residents r JOIN hospitals h ON r.code = h.code"
    grant = _granted(STEPPED, {}, unique=("hospital", "code"))
    assert isinstance(grant, Grant)
    found = decide(submitted(sql), grant)
    assert isinstance(found, Refused)
    assert [item.code for item in found.findings] == ["JOIN_MULTIPLIES"]
    apart = _granted({**STEPPED, "step": 1}, {}, unique=("hospital", "code"))
    assert isinstance(apart, Grant)
    assert isinstance(decide(submitted(sql), apart), Allowed)


def test_one_residents_rows_cannot_be_multiplied_until_the_run_fails() -> None:
    joins = [f"JOIN visits v{i} ON v{i}.resident_id = r.resident_id" for i in range(5)]
    pinned = "WHERE r.balance = 4711 AND r.gender = 'F'"
    for count, expected in ((3, ()), (4, ("JOIN_MULTIPLIES",)), (5, ("JOIN_MULTIPLIES",))):
        assert codes(f"SELECT count(*) AS n FROM residents r {' '.join(joins[:count])} {pinned}") == expected, count


def test_constant_keys_are_too_short_to_count_groups_by_the_cap_of_the_output() -> None:
    sql = "SELECT CASE WHEN insured THEN {} ELSE '' END AS k, street, count(*) AS n FROM residents GROUP BY 1, street"
    assert codes(sql.format(f"'{'长' * 200}'")) == ()
    assert codes(sql.format(f"'{'长' * 201}'")) == ("LITERAL_INVALID",)
    assert codes(sql.format("$text"), {"text": "长" * 200}) == ()
    assert codes(sql.format("$text"), {"text": "长" * 201}) == ("PARAMETER_INVALID",)
