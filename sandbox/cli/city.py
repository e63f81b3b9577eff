"""A synthetic city as a directory for `yunei apply`: nobody in it exists, yet every code path that real data take is taken.

Equal arguments give equal bytes. Planted canaries stand in the data and in `canaries.yaml`.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sandbox.cli import city_documents as documents

MAX_VISITS = documents.MAX_VISITS
NAME_MARK = "合成·"
"""Stands before every name, so that no row can be taken for a person."""
FIRST_BIRTH, LAST_BIRTH = date(1935, 1, 1), date(2015, 12, 31)
FIRST_VISIT, LAST_VISIT = date(2024, 1, 1), date(2025, 12, 31)
REGIONS = 990101 + np.arange(len(documents.DISTRICTS))
"""Region codes of the identity numbers, one per district. GB/T 2260 assigns none that begins with 99."""
CHECK_WEIGHTS = np.array([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2])
CHECK_CHARACTERS = np.array(list("10X98765432"))
"""Weights and characters of the check digit. Source: GB 11643-1999, section 3.3 (ISO/IEC 7064, MOD 11-2)."""
CANARY_NAMES = ("司马鸢尾壹", "东方琥珀贰", "尉迟砚秋叁")
CANARY_COST = 1938471
"""In hundredths; no other visit costs exactly this."""
_SURNAMES = tuple("王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎")
_GIVEN = tuple("伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰红建国志文斌宇浩凯健俊帆雪倩婷欣怡晨阳思佳博嘉琪子涵梓萱睿")

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class CitySize:
    """How large a city is; at most `MAX_VISITS` visits fall on one resident."""

    residents: int = 200_000
    visits: int = 1_000_000

    def __post_init__(self) -> None:
        if not (self.residents >= 100 and 1 <= self.visits <= self.residents * MAX_VISITS // 2):
            raise ValueError("a city has at least 100 residents and at most half of the visits they could make")


def write_city(directory: Path, size: CitySize | None = None, seed: int = 2026, today: date | None = None) -> None:
    """Write the city into `directory`, which is created.

    Args:
        directory: receives the layout that `yunei apply` reads.
        size: rows; 200 000 residents and 1 000 000 visits by default.
        seed: of the random generator. Data depend on it and on `size` only.
        today: a day on which the main agreements are in force; they run from its year's beginning to the next year's end.

    """
    size = size or CitySize()
    random = np.random.Generator(np.random.PCG64(seed))
    residents, numbers = _residents(random, size.residents)
    data = directory / "data"
    data.mkdir(parents=True, exist_ok=True)
    _write(data / "residents.parquet", residents)
    _write(data / "visits.parquet", _visits(random, size, residents["resident_id"].combine_chunks()))
    _write(data / "hospitals.parquet", _hospitals())
    canaries = [*(NAME_MARK + name for name in CANARY_NAMES), *numbers, f"{CANARY_COST / 100:.2f}"]
    documents.write_documents(directory, documents.Setting(size.residents, size.visits, today or date.today()), canaries)  # noqa: DTZ011


def _residents(random: np.random.Generator, count: int) -> tuple[pa.Table, list[str]]:
    district = random.integers(0, len(documents.DISTRICTS), count)
    female = random.random(count) < 0.5
    days = random.integers(FIRST_BIRTH.toordinal(), LAST_BIRTH.toordinal() + 1, count) - date(1970, 1, 1).toordinal()
    born = days.astype("datetime64[D]")
    numbers = identity_numbers(REGIONS[district], born, female)
    names = _names(random, count)
    chosen = _planted(count)
    names = pc.replace_with_mask(names, _mask(count, chosen), pa.array([NAME_MARK + name for name in CANARY_NAMES]))
    income = np.minimum(random.lognormal(10.9, 0.55, count), documents.INCOME_MOST).astype(np.int64)
    table = pa.table(
        {
            "resident_id": numbers,
            "name": names,
            "gender": pa.array(["男", "女"]).take(pa.array(female.astype(np.int64))),
            "birth_date": pa.array(born),
            "district": pa.array(documents.DISTRICTS).take(pa.array(district)),
            "income": pa.array(income, mask=random.random(count) < 0.05),
        }
    )
    return table, numbers.take(pa.array(chosen)).to_pylist()


def identity_numbers(region: Ints, born: npt.NDArray[np.datetime64], female: npt.NDArray[np.bool_]) -> pa.Array:
    """Return 18-character identity numbers, all different: region, birth date, order number, check character.

    Order numbers count within region, day and sex; odd ones are male and even ones female, as in GB 11643-1999.
    """
    days = born.astype("datetime64[D]")
    year, month = days.astype("datetime64[Y]").astype(np.int64) + 1970, days.astype("datetime64[M]").astype(np.int64) % 12 + 1
    day = (days - days.astype("datetime64[M]")).astype(np.int64) + 1
    prefix = ((region * 10_000 + year) * 100 + month) * 100 + day
    number = 2 * _occurrence(prefix * 2 + female) + np.where(female, 2, 1)
    if number.max(initial=0) > 999:
        raise ValueError("too many residents were born in one region on one day")
    body = prefix * 1_000 + number
    digits = body[:, None] // 10 ** np.arange(16, -1, -1) % 10
    check = CHECK_CHARACTERS[digits @ CHECK_WEIGHTS % 11]
    return pc.binary_join_element_wise(pa.array(body).cast(pa.string()), pa.array(check), "")


def _occurrence(values: Ints) -> Ints:
    """Number each value among its equals, from 0, in order of appearance."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    first = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    place = np.empty_like(values)
    place[order] = np.arange(len(values)) - np.repeat(first, np.diff(np.r_[first, len(values)]))
    return place


def _names(random: np.random.Generator, count: int) -> pa.Array:
    surname = pa.array(_SURNAMES).take(pa.array(random.integers(0, len(_SURNAMES), count)))
    given = pa.array(_GIVEN)
    first, second = (given.take(pa.array(random.integers(0, len(_GIVEN), count))) for _ in range(2))
    return pc.binary_join_element_wise(NAME_MARK, surname, first, second, "")


def _visits(random: np.random.Generator, size: CitySize, numbers: pa.Array) -> pa.Table:
    resident = np.repeat(np.arange(size.residents), _visits_per_resident(random, size))
    random.shuffle(resident)
    hospital = np.minimum(random.exponential(14.0, size.visits).astype(np.int64), documents.HOSPITALS - 1)
    department = random.choice(len(documents.DEPARTMENTS), size.visits, p=_falling(len(documents.DEPARTMENTS)))
    diagnosis = random.choice(len(documents.DIAGNOSES), size.visits, p=_falling(len(documents.DIAGNOSES)))
    days = random.integers(FIRST_VISIT.toordinal(), LAST_VISIT.toordinal() + 1, size.visits) - date(1970, 1, 1).toordinal()
    cents = np.minimum(random.lognormal(10.1, 1.1, size.visits), documents.COST_MOST * 100).astype(np.int64)
    cents[cents == CANARY_COST] += 1
    cents[_planted(size.visits)[0]] = CANARY_COST
    missing = random.random(size.visits) < 0.02
    missing[_planted(size.visits)[0]] = False
    return pa.table(
        {
            "visit_id": pa.array(np.arange(1, size.visits + 1)),
            "resident_id": numbers.take(pa.array(resident)),
            "hospital": pa.array(documents.hospital_names()).take(pa.array(hospital)),
            "visit_date": pa.array(days.astype("datetime64[D]")),
            "department": pa.array(documents.DEPARTMENTS).take(pa.array(department)),
            "diagnosis_code": pa.array(documents.DIAGNOSES).take(pa.array(diagnosis)),
            "cost": _hundredths(cents, missing),
        }
    )


def _visits_per_resident(random: np.random.Generator, size: CitySize) -> Ints:
    """Draw how often each resident comes: many seldom, few often, nobody more than `MAX_VISITS`, `visits` in all."""
    mean = size.visits / size.residents
    counts = np.minimum(random.poisson(random.gamma(1.5, mean / 1.5, size.residents)), MAX_VISITS).astype(np.int64)
    while (short := size.visits - int(counts.sum())) != 0:
        able = np.flatnonzero(counts < MAX_VISITS if short > 0 else counts > 0)
        chosen = random.permutation(able)[: abs(short)]
        counts[chosen] += 1 if short > 0 else -1
    return counts


def _hundredths(cents: Ints, missing: npt.NDArray[np.bool_]) -> pa.Array:
    """Return whole hundredths as DECIMAL(10,2); Arrow has no such view of integers but by its 128-bit form."""
    words = np.stack([cents, np.zeros_like(cents)], axis=1)
    valid = pa.array(~missing).buffers()[1]
    return pa.Array.from_buffers(pa.decimal128(10, 2), len(cents), [valid, pa.py_buffer(words.tobytes())])


def _hospitals() -> pa.Table:
    numbers = range(documents.HOSPITALS)
    return pa.table(
        {
            "hospital": documents.hospital_names(),
            "district": [documents.DISTRICTS[number % len(documents.DISTRICTS)] for number in numbers],
            "tier": [documents.TIERS[min(number // 12, len(documents.TIERS) - 1)] for number in numbers],
        }
    )


def _falling(count: int) -> npt.NDArray[np.float64]:
    weights: npt.NDArray[np.float64] = 1.0 / np.arange(1, count + 1)
    weights /= weights.sum()
    return weights


def _planted(count: int) -> Ints:
    return np.array([count // 7, count // 3, count // 2], np.int64)


def _mask(count: int, chosen: Ints) -> Any:
    mask = np.zeros(count, bool)
    mask[chosen] = True
    return pa.array(mask)


def _write(target: Path, table: pa.Table) -> None:
    pq.write_table(table, target, compression="zstd", store_decimal_as_integer=True)
