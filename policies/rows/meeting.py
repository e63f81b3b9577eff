"""Terms that meet: brought to one type and one step, or one chosen among them."""

from collections.abc import Sequence
from dataclasses import replace

from policies.engine import engine_text as sql
from policies.findings import Refusal, finding
from policies.rows import constants, numbers
from policies.rows.terms import Rank, Term, mix, united_domain


def column_of(term: Term) -> str | None:
    """Name the column that a term is, if it is one."""
    return term.origin.spoken if term.origin else None


def no_key(term: Term) -> Term:
    """Return a term that is not a key.

    Raises:
        Refusal: KEY_MISUSED.

    """
    if term.rank is Rank.KEY:
        raise Refusal(finding("KEY_MISUSED", obj=column_of(term)))
    return term


def unified(terms: Sequence[Term]) -> list[Term]:
    """Bring terms to one type: NULL fits everything, a constant text beside dates is read as a date.

    Raises:
        Refusal: TYPE_MISMATCH, LITERAL_INVALID, KEY_MISUSED.

    """
    kinds = {no_key(item).type for item in terms} - {"null"}
    if kinds == {"text", "date"} and all(item.literal for item in terms if item.type == "text"):
        return [constants.as_date(item) if item.type == "text" else item for item in terms]
    if len(kinds) > 1 and not kinds <= {"integer", "decimal"}:
        raise Refusal(finding("TYPE_MISMATCH"))
    return list(terms)


def sides(terms: Sequence[Term]) -> list[str]:
    """Return the SQL of terms of one type, numbers in their common step."""
    found = unified(terms)
    numeric = [item for item in found if item.number is not None]
    if not numeric:
        return [item.sql for item in found]
    step = numbers.common_step([numbers.number_of(item) for item in numeric])
    return [item.sql if item.number is None else numbers.rescaled(item, step)[0] for item in found]


def chosen(conditions: Sequence[Term], results: Sequence[Term]) -> Term:
    """Return a CASE over compiled conditions; the last result is the default."""
    results = unified(results)
    *texts, default = sides(results)
    whole = sql.case(zip((item.sql for item in conditions), texts, strict=True), default)
    return merged(whole, results, conditions)


def merged(text: str, results: Sequence[Term], conditions: Sequence[Term] = (), *, nullable: bool | None = None) -> Term:
    """Return a term that takes the value of one of `results`, which have one type."""
    known = [item for item in results if item.type != "null"]
    mixed = mix(results, conditions)
    maybe = any(item.nullable for item in results) if nullable is None else nullable
    if not known:
        return replace(constants.NULL, literal=False)
    if known[0].number is not None:
        number = numbers.hull(numbers.aligned(known)[1])
        return mixed.term(text, numbers.kind_of(number.step), nullable=maybe, number=number, domain=united_domain(known))
    dates = [item.dates for item in known]
    bounds = (min(d[0] for d in dates if d), max(d[1] for d in dates if d)) if all(dates) else None
    grain = known[0].grain if len({item.grain for item in known}) == 1 else "day"
    return mixed.term(text, known[0].type, nullable=maybe, dates=bounds, grain=grain, domain=united_domain(known))
