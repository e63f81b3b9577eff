"""Text functions of columns. Each entry says why it cannot fail on any data, and none makes a text much longer.

Where a column has a public domain, so has the function of it, as long as our reading and the engine's cannot differ.
"""

import dataclasses
from collections.abc import Callable, Sequence
from itertools import product

from sqlglot import exp

from policies.engine import engine_text as sql
from policies.findings import Refusal, finding
from policies.grant import Value
from policies.rows.constants import whole
from policies.rows.terms import Term, mix, whole_steps

MOST_JOINED, MOST_CONSTANT = 8, 40
"""Texts that one expression may join, and characters of a constant among them: longer keys would fill the run's output,
whose cap then counted them."""
MOST_PRODUCT = 1_000
"""Values of a joined domain; a longer one is left to the threshold."""
_LONGEST = 1 << 31


def require(term: Term, kind: str) -> None:
    """Hold a term to a type.

    Raises:
        Refusal: TYPE_MISMATCH.

    """
    if term.type != kind:
        raise Refusal(finding("TYPE_MISMATCH"))


def mapped(term: Term, change: Callable[[str], str]) -> tuple[Value, ...] | None:
    """Return the domain after a text function, or None where our reading could differ from the engine's.

    Letter case beyond ASCII differs between libraries; Han characters have none.
    """
    if term.domain is None or not all(_caseless_or_ascii(str(value)) for value in term.domain):
        return None
    return tuple(dict.fromkeys(change(str(value)) for value in term.domain))


def _caseless_or_ascii(value: str) -> bool:
    return all(char.isascii() or char.lower() == char.upper() for char in value)


def _made(term: Term, text: str, change: Callable[[str], str]) -> Term:
    return mix([term]).term(text, "text", nullable=term.nullable, domain=mapped(term, change))


def upper(term: Term, _node: exp.Expr) -> Term:
    """Total: letter case is defined for every text."""
    require(term, "text")
    return _made(term, sql.call("upper", term.sql), str.upper)


def lower(term: Term, _node: exp.Expr) -> Term:
    """Total: letter case is defined for every text."""
    require(term, "text")
    return _made(term, sql.call("lower", term.sql), str.lower)


def trim(term: Term, _node: exp.Expr) -> Term:
    """Total: it takes blanks from both ends of every text."""
    require(term, "text")
    made = _made(term, sql.call("trim", term.sql), lambda value: value.strip(" "))
    # which blanks beside the ASCII one are taken differs between libraries
    plain = all(str(value).strip() == str(value).strip(" ") for value in term.domain or ())
    return made if plain else dataclasses.replace(made, domain=None)


def substring(term: Term, node: exp.Expr) -> Term:
    """Total: start ≥ 1 and length ≥ 0 are literals; a place beyond the end gives the empty text."""
    start = whole(node.args.get("start"), 1, 1000)
    length = node.args.get("length")
    return _slice(term, start, None if length is None else whole(length, 0, 1000))


def left(term: Term, node: exp.Expr) -> Term:
    """Total: as `substring` from 1."""
    return _slice(term, 1, whole(node.expression, 0, 1000))


def right(term: Term, node: exp.Expr) -> Term:
    """Total: a length beyond the text gives all of it."""
    require(term, "text")
    size = whole(node.expression, 0, 1000)
    return _made(term, sql.call("right", term.sql, str(size)), lambda value: value[-size:] if size else "")


def _slice(term: Term, start: int, length: int | None) -> Term:
    require(term, "text")
    arguments = [term.sql, str(start), *([] if length is None else [str(length)])]
    stop = None if length is None else start - 1 + length
    return _made(term, sql.call("substring", *arguments), lambda value: value[start - 1 : stop])


def length(term: Term, _node: exp.Expr) -> Term:
    """Total: every text has a number of characters; without a public domain it has no public bound."""
    require(term, "text")
    sizes = None if term.domain is None else tuple(dict.fromkeys(len(str(value)) for value in term.domain))
    number = whole_steps(0, _LONGEST, has_ceiling=False) if sizes is None else whole_steps(min(sizes), max(sizes))
    text = f"CAST(length({term.sql}) AS BIGINT)"
    return mix([term]).term(text, "integer", nullable=term.nullable, number=number, domain=sizes)


def _constant(node: exp.Expr | None) -> str:
    if not isinstance(node, exp.Literal) or not node.is_string or len(str(node.this)) > 100:
        raise Refusal(finding("ARGUMENT_NOT_LITERAL"))
    return str(node.this)


def replace(term: Term, node: exp.Expr) -> Term:
    """Total: both texts are literals, and the new one is not longer than the old one, so that no text grows."""
    require(term, "text")
    old, new = _constant(node.args.get("expression")), _constant(node.args.get("replacement"))
    if not old or len(new) > len(old):
        raise Refusal(finding("ARGUMENT_NOT_LITERAL"))
    return _made(term, sql.call("replace", term.sql, sql.text(old), sql.text(new)), lambda value: value.replace(old, new))


def joined(parts: Sequence[Term], *, skip_null: bool) -> Term:
    """Return the texts one behind the other. Total: there are at most `MOST_JOINED`, and a NULL gives NULL or is passed over.

    Raises:
        Refusal: TYPE_MISMATCH, TREE_TOO_LARGE.

    """
    for item in parts:
        require(item, "text")
        if item.literal and len(str((item.domain or ("",))[0])) > MOST_CONSTANT:
            raise Refusal(finding("LITERAL_INVALID"))
    text = "(" + " || ".join(f"coalesce({item.sql}, '')" if skip_null and item.nullable else item.sql for item in parts) + ")"
    if text.count(" || ") >= MOST_JOINED:
        raise Refusal(finding("TREE_TOO_LARGE"))
    nullable = not skip_null and any(item.nullable for item in parts)
    return mix(parts).term(text, "text", nullable=nullable, domain=_product(parts, skip_null=skip_null))


def _product(parts: Sequence[Term], *, skip_null: bool) -> tuple[Value, ...] | None:
    domains = [(*item.domain, "") if skip_null and item.nullable else item.domain for item in parts if item.domain is not None]
    size = 1
    for domain in domains:
        size *= len(domain)
    if len(domains) != len(parts) or size > MOST_PRODUCT:
        return None
    return tuple(dict.fromkeys("".join(map(str, values)) for values in product(*domains)))
