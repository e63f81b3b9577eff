"""The synthetic city in memory: the grant of one of its policies, and the queries that are measured."""

import tempfile
from datetime import date
from pathlib import Path

from ruamel.yaml import YAML

from policies.catalog import Catalog, CatalogItem
from policies.grant import Grant
from policies.policy import Environment, Policy
from policies.query import SubmittedQuery
from policies.resolve import resolve
from sandbox.cli.city_documents import Setting, write_documents

AGREEMENT, PURPOSE = "agr-clinic-usage", "public_health_planning"

TWENTY_LINES = """\
WITH adults AS (
  SELECT resident_id,
    gender,
    district
  FROM residents
  WHERE birth_date < DATE '2007-01-01'
)
SELECT
  a.district AS home,
  h.tier AS tier,
  count(*) AS visits,
  count(DISTINCT v.resident_id) AS patients,
  sum(v.cost) AS cost,
  avg(CASE WHEN a.gender = '女' THEN v.cost END) AS cost_of_women
FROM visits AS v
JOIN adults AS a ON v.resident_id = a.resident_id
JOIN hospitals AS h ON v.hospital = h.hospital
WHERE v.visit_date >= DATE '2024-07-01' AND v.department IN ('内科', '外科', '儿科')
GROUP BY a.district, h.tier
ORDER BY home, tier"""
"""Two private tables, one public, a CTE, four aggregates: twenty lines, the length of the bar."""

FEW_GROUPS = "SELECT department, count(*) AS visits, sum(cost) AS cost FROM visits GROUP BY department"
JOINED = """\
SELECT r.district, count(*) AS visits, sum(v.cost) AS cost
FROM visits AS v JOIN residents AS r ON v.resident_id = r.resident_id GROUP BY r.district"""


def submitted(sql: str, environment: Environment = "prod", epsilon: str | None = None) -> SubmittedQuery:
    """Return `sql` as the city's analyst sends it."""
    return SubmittedQuery(AGREEMENT, PURPOSE, environment, sql, {}, epsilon)


def grant(residents: int = 200_000, visits: int = 1_000_000) -> Grant:
    """Resolve the policy `clinic-usage` of a city of this size; nothing but documents is written and read."""
    with tempfile.TemporaryDirectory() as folder:
        write_documents(Path(folder), Setting(residents, visits, date(2026, 6, 1)), [])
        yaml = YAML(typ="safe", pure=True)
        documents = [yaml.load(path.read_text(encoding="utf-8")) for path in sorted(Path(folder, "catalog").glob("*.yaml"))]
        policy = Policy.model_validate(yaml.load(Path(folder, "policies/clinic-usage.yaml").read_text(encoding="utf-8")))
    items = [CatalogItem.model_validate(document) for document in documents]
    resolved = resolve(policy, Catalog(items={item.table: item for item in items}))
    if not isinstance(resolved, Grant):
        raise TypeError("the city's own policy does not fit its catalog")
    return resolved
