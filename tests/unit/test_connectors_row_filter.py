"""The row filter is decided against an allow-list and written anew."""

import pytest

from connectors.row_filter import compile_filter
from policies.catalog import CatalogColumn
from sandbox.kernel.errors import YuneiError

COLUMNS = {
    "district": CatalogColumn.model_validate({"type": "text", "category": "dimension", "level": "L1"}),
    "born": CatalogColumn.model_validate({"type": "date", "category": "dimension", "level": "L1"}),
    "income": CatalogColumn.model_validate({"type": "integer", "category": "dimension", "level": "L1"}),
    "cost": CatalogColumn.model_validate({"type": "decimal(10,2)", "category": "dimension", "level": "L1"}),
    "active": CatalogColumn.model_validate({"type": "boolean", "category": "dimension", "level": "L1"}),
}


@pytest.mark.parametrize(
    ("text", "sql"),
    [
        ("district IN ('长安区', '裕华区')", "(\"district\" IN ('长安区', '裕华区'))"),
        ("district = 'it''s'", "(\"district\" = 'it''s')"),
        (
            "born BETWEEN '1990-01-01' AND DATE '2000-12-31'",
            "(\"born\" BETWEEN CAST('1990-01-01' AS DATE) AND CAST('2000-12-31' AS DATE))",
        ),
        ("income >= 10 AND (income < 20 OR income <> 15)", '(("income" >= 10) AND (("income" < 20) OR ("income" <> 15)))'),
        ("100 > income", '("income" < 100)'),
        ("cost > -1.50", '("cost" > -1.50)'),
        ("active = true", '("active" = TRUE)'),
        ("((income = 1))", '("income" = 1)'),
        ("income = 1 -- a remark", '("income" = 1)'),
    ],
)
def test_allowed_filters_are_written_anew(text: str, sql: str) -> None:
    assert compile_filter("t", text, COLUMNS) == sql


@pytest.mark.parametrize(
    "text",
    [
        "",
        "district",
        "true",
        "1 = 1",
        "district = born",
        "income = income",
        "income + 1 = 2",
        "lower(district) = 'x'",
        "district LIKE '%'",
        "district IS NULL",
        "NOT income = 1",
        "income IN (SELECT 1)",
        "income IN (1, income)",
        "income NOT IN (1)",
        "other = 1",
        "t.income = 1",
        "income = '1'",
        "income = 1.5",
        "income = 1e30",
        "income = 1e2",
        "income = 1000000000000000000",
        "income=1 OR " * 600 + "income=1",
        "active = DATE '2020-01-01'",
        "income = (1",
        "district = 1",
        "born = '2020-13-01'",
        "born = '2020-1-1'",
        "born = DATE 'yesterday'",
        "income = $x",
        "income = ?",
        "income = 1; SELECT 2",
        "income = 1 UNION SELECT 2",
        "income = 1 LIMIT 0",
        "income = 1 GROUP BY 1",
        "income BETWEEN 1 AND (SELECT 2)",
        "EXISTS (SELECT 1)",
        "income = (SELECT max(income) FROM read_parquet('/etc/passwd'))",
        "(" * 40 + "income = 1" + ")" * 40,
        "income = 1 OR " * 600 + "income = 1",
        "CASE WHEN income = 1 THEN true END",
        "income = CAST('1' AS INTEGER)",
        "active = 1",
        "income = NULL",
    ],
)
def test_everything_else_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(YuneiError) as refused:
        compile_filter("t", text, COLUMNS)
    assert refused.value.code == "SUPPLY_FAILED"
    assert set(refused.value.facts) == {"table", "rule"}
    assert str(refused.value.facts["rule"]).startswith("ROW_FILTER_")
