"""The worst pairs that are known, one line each: what is asked, and which person the two data sets differ in."""

from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.jobs.privacy_audit.world import BROKEN, CROWD, FEW, HEAVY, LOW, SILENT, SPREAD, Unit

_BOTH = "people p JOIN visits v ON p.person = v.person"


@dataclass(frozen=True)
class Case:
    """One query and one pair. `others`: who else lives there. `capped`: whether groups and rows of each have caps."""

    name: str
    sql: str
    unit: Unit
    others: Sequence[Unit] = FEW
    capped: bool = True


CASES = (
    Case("one row", "SELECT kind, count(*) AS n, sum(score) AS s FROM people GROUP BY kind", HEAVY),
    Case("heavy contributor", "SELECT ward, count(*) AS n, sum(cost) AS s FROM visits GROUP BY ward", HEAVY),
    Case("heavy, rows capped", "SELECT ward, count(*) AS n, sum(cost) AS s FROM visits GROUP BY ward", HEAVY, capped=False),
    Case("spread over groups", "SELECT code, count(*) AS n FROM visits GROUP BY code", SPREAD),
    Case("alone in a group", "SELECT street, count(*) AS n FROM people GROUP BY street", HEAVY),
    Case("alone in many groups", "SELECT code, sum(cost) AS s, median(cost) AS m FROM visits GROUP BY code", SPREAD),
    Case("fan-out join", f"SELECT kind, count(*) AS n, sum(score) AS s FROM {_BOTH} GROUP BY kind", HEAVY),
    Case("self join", "SELECT count(*) AS n FROM visits v JOIN visits w ON v.person = w.person", HEAVY),
    Case("left join", "SELECT kind, sum(v.cost) AS s FROM people p LEFT JOIN visits v USING (person) GROUP BY kind", HEAVY),
    Case(
        "left join, no partner",
        "SELECT kind, count(*) AS n FROM people p LEFT JOIN visits v USING (person) GROUP BY kind",
        SILENT,
    ),
    Case("empty table", "SELECT count(*) AS n, sum(cost) AS s FROM visits", HEAVY, others=()),
    Case("NULL and beyond bounds", "SELECT ward, count(cost) AS n, sum(cost) AS s FROM visits GROUP BY ward", BROKEN),
    Case("negative bounds", "SELECT kind, sum(score) AS s FROM people GROUP BY kind", LOW),
    Case("average", "SELECT kind, avg(score) AS m FROM people GROUP BY kind", LOW),
    Case("variance", "SELECT var_samp(cost) AS v FROM visits", HEAVY),
    Case("count of units", "SELECT ward, count(DISTINCT person) AS n FROM visits GROUP BY ward", SPREAD),
    Case("count of values", "SELECT ward, count(DISTINCT code) AS n FROM visits GROUP BY ward", SPREAD),
    Case("count of values, all", "SELECT count(DISTINCT code) AS n FROM visits", SPREAD, capped=False),
    Case("median", "SELECT median(cost) AS m FROM visits", HEAVY, others=CROWD),
    Case("high quantile", "SELECT ward, quantile_cont(cost, 0.9) AS q FROM visits GROUP BY ward", HEAVY, others=CROWD),
    Case("rollup", "SELECT ward, count(*) AS n, sum(cost) AS s FROM visits GROUP BY ROLLUP (ward)", HEAVY),
    Case("scalar subquery", "SELECT kind, count(*) AS n, (SELECT sum(cost) FROM visits) AS s FROM people GROUP BY kind", HEAVY),
    Case("per person", "SELECT sum(c) AS s FROM (SELECT person, sum(cost) AS c FROM visits GROUP BY person) AS u", HEAVY),
)
