"""What a change of one term means: wider, narrower, neither, or undecided. One named rule per kind of term, none left out.

Wider is what may tell more about the data, admit more purposes or time, or look at a result less. Under a narrower version no
query passes that was refused for what it reads; one may pass that was refused because a name was taken or ambiguous, or its
numbers or rows too many to be computed: a table that is gone leaves its name free, and what is coarser or capped is smaller.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from pydantic import BaseModel

from policies.catalog import Catalog, CatalogColumn, CatalogItem, Category, UnitPath
from policies.policy import ColumnTerms, Output, Policy, Protection, Review, TableTerms, UnitTerms, Valid

Direction = Literal["wider", "narrower", "neutral"]
Judge = Callable[[Any, Any], Direction | None]
"""From the old and the new value, None where there is none, to a direction, or None where it cannot be decided."""


@dataclass(frozen=True)
class Rule:
    """How one kind of term is judged, and why, in both languages."""

    name: str
    zh: str
    en: str
    judge: Judge


@dataclass(frozen=True)
class Members:
    """A list without order: each member that came or went is a change of its own."""

    rule: Rule


@dataclass(frozen=True)
class Inside:
    """A part with terms of its own; `rule` judges that it came or went."""

    model: type[BaseModel]
    rule: Rule


@dataclass(frozen=True)
class Named:
    """Parts by name; `rule` judges one that came or went."""

    model: type[BaseModel]
    rule: Rule


Term = Rule | Members | Inside | Named


def _more(old: Any, new: Any) -> Direction:
    return "wider" if new > old else "narrower"


def _less(old: Any, new: Any) -> Direction:
    return "wider" if new < old else "narrower"


def _granted(old: Any, new: Any) -> Direction | None:
    return "wider" if old is None else "narrower" if new is None else None


def _restricting(old: Any, new: Any) -> Direction | None:
    return "narrower" if old is None else "wider" if new is None else None


def _cap(old: int | None, new: int | None) -> Direction | None:
    return _restricting(old, new) if old is None or new is None else _more(old, new)


def _step(old: Any, new: Any) -> Direction | None:
    if old is None or new is None:
        return _restricting(old, new)
    ratio = Fraction(new) / Fraction(old)
    return "narrower" if ratio.denominator == 1 else "wider" if ratio.numerator == 1 else None


def _interval(old: Any, new: Any) -> Direction | None:
    if old is None or new is None:
        return None
    if new[0] <= old[0] and old[1] <= new[1]:
        return "wider"
    return "narrower" if old[0] <= new[0] and new[1] <= old[1] else None


_PERIODS = {"month": 1, "quarter": 2, "year": 3}


def _coarsening(old: str | None, new: str | None) -> Direction | None:
    if old is None or new is None:
        return _restricting(old, new)
    if old in _PERIODS and new in _PERIODS:
        return _less(_PERIODS[old], _PERIODS[new])
    if old in _PERIODS or new in _PERIODS:
        return None
    return _more(int(old.split(":")[1]), int(new.split(":")[1]))


def _ordered(*strictest_last: str) -> Judge:
    """Make the judge of words that are stricter from first to last."""
    return lambda old, new: _less(strictest_last.index(old), strictest_last.index(new))


_MODES: Mapping[tuple[str, str], Direction] = {("dp", "exact"): "wider", ("exact", "dp"): "narrower"}


def _mode(old: str, new: str) -> Direction | None:
    return _MODES.get((old, new))


_HIDDEN = {Category.DIRECT_IDENTIFIER, Category.FREE_TEXT}


def _category(old: Category, new: Category) -> Direction | None:
    if (old in _HIDDEN) == (new in _HIDDEN):
        return None
    return "wider" if old in _HIDDEN else "narrower"


def _domain(old: Any, new: Any) -> Direction | None:
    if old is None or new is None:
        return None
    if set(old) == set(new):
        return "neutral"
    return "wider" if set(old) < set(new) else "narrower" if set(new) < set(old) else None


UNKNOWN = Rule("unknown", "无法判定, 按放宽处理", "It cannot be decided, so it counts as wider", lambda _old, _new: None)
NO_EFFECT = Rule("no_effect", "不影响授权范围", "It grants nothing and takes nothing away", lambda _old, _new: "neutral")
MORE = Rule("more_is_wider", "数值越大越宽", "More of it is wider", _more)
LESS = Rule("less_is_wider", "数值越小越宽", "Less of it is wider", _less)
EARLIER = Rule("earlier_is_wider", "开始越早越宽", "An earlier beginning is wider", _less)
LATER = Rule("later_is_wider", "截止越晚越宽", "A later end is wider", _more)
CAP = Rule("cap_narrows", "上限越高或无上限越宽", "A higher cap, or none, is wider", _cap)
GRANTED = Rule("more_granted_is_wider", "授权增加为放宽, 减少为收紧", "To grant more is wider, to grant less narrower", _granted)
PROTECTED = Rule("unit_narrows", "声明隐私单元为收紧", "A privacy unit protects: with one the table tells less", _restricting)
PUBLIC = Rule("public_is_wider", "公开的表更宽", "A public table is not protected", _more)
FILTER = Rule("filter_narrows", "行过滤为收紧", "A filter of rows narrows", _restricting)
COARSENING = Rule("finer_is_wider", "粒度越细越宽", "A finer period or a longer prefix is wider", _coarsening)
STEP = Rule("finer_step_is_wider", "步长越细越宽", "A finer step is wider", _step)
INTERVAL = Rule("longer_interval_is_wider", "区间越大越宽", "An interval that holds the other is wider", _interval)
ROUTE = Rule("fewer_reviewers_is_wider", "审核越少越宽", "Fewer who look is wider", _ordered("auto", "two_person", "panel"))
MODE = Rule("noise_narrows", "加噪为收紧", "An exact answer is wider than one with noise", _mode)
CATEGORY = Rule("hidden_is_narrower", "标识符和自由文本不得展示", "Identifiers and free text are never shown", _category)
LEVEL = Rule("lower_level_is_wider", "级别越低越宽", "A lower level is wider", _ordered("L1", "L2", "L3", "L4"))
DOMAIN = Rule("more_values_is_wider", "公开取值越多越宽", "More public values are wider", _domain)
NULLS = Rule("null_is_wider", "显示空值更宽", "NULL shown as such is wider", _more)

TERMS: Mapping[type[BaseModel], Mapping[str, Term]] = {
    Policy: {
        "policy": NO_EFFECT,
        "version": NO_EFFECT,
        "agreement": UNKNOWN,
        "purpose": Members(GRANTED),
        "valid": Inside(Valid, UNKNOWN),
        "environment": Members(GRANTED),
        "protection": Inside(Protection, UNKNOWN),
        "output": Inside(Output, UNKNOWN),
        "review": Inside(Review, UNKNOWN),
        "tables": Named(TableTerms, GRANTED),
        "joins": Members(GRANTED),
        "cases": Members(NO_EFFECT),
    },
    Valid: {"from_": EARLIER, "until": LATER, "max_jobs": MORE},
    Protection: {"mode": MODE, "epsilon": MORE, "delta": MORE, "per_job_epsilon_max": MORE},
    Output: {"max_rows": MORE, "max_cells": MORE, "min_units": LESS, "small_groups": UNKNOWN},
    Review: {"route": ROUTE},
    TableTerms: {
        "public": PUBLIC,
        "unit": Inside(UnitTerms, PROTECTED),
        "rows": FILTER,
        "columns": Named(ColumnTerms, GRANTED),
    },
    UnitTerms: {"key": UNKNOWN, "references": UNKNOWN, "max_rows": CAP, "max_groups": CAP, "max_rows_per_group": CAP},
    ColumnTerms: {
        "use": Members(GRANTED),
        "functions": Members(GRANTED),
        "coarsen": COARSENING,
        "clamp": INTERVAL,
        "step": STEP,
    },
    Catalog: {"items": Named(CatalogItem, GRANTED)},
    CatalogItem: {
        "table": NO_EFFECT,
        "lineage": UNKNOWN,
        "institution": UNKNOWN,
        "title": NO_EFFECT,
        "version": NO_EFFECT,
        "public": PUBLIC,
        "unit": Inside(UnitPath, PROTECTED),
        "unique": Members(GRANTED),
        "rows_band": UNKNOWN,
        "max_bad_rows": NO_EFFECT,
        "columns": Named(CatalogColumn, GRANTED),
    },
    UnitPath: {"kind": UNKNOWN, "key": UNKNOWN, "references": UNKNOWN, "max_rows": MORE, "size_band": UNKNOWN},
    CatalogColumn: {
        "type": UNKNOWN,
        "category": CATEGORY,
        "level": LEVEL,
        "title": NO_EFFECT,
        "bounds": INTERVAL,
        "step": STEP,
        "domain": DOMAIN,
        "nullable": NULLS,
    },
}
"""Every field of both documents with its rule. Without a catalog at hand a clamp that comes or goes is undecided: it may
restrict declared bounds, or be what lets a column be summed at all."""
