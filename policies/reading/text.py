"""Steps 1 and 2 of the pipeline: what is checked on the text and on its tokens, before any parser sees them.

The parser is compiled and recursive: deep nesting crashes it and a JOIN without ON doubles its time, so both are
refused on tokens. What is left over parses in well under 100 ms.
"""

import unicodedata
from collections.abc import Sequence
from itertools import pairwise

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import TokenError
from sqlglot.tokenizer_core import Token, TokenType

from policies.findings import Refusal, finding
from policies.query import Span

MAX_BYTES = 64 * 1024
MAX_TOKENS = 4000
MAX_DEPTH = 50
MAX_PREFIXES = 20
MAX_TYPE_DEPTH = 3
MAX_DIGITS = 40
"""Characters of a number; longer ones are no numbers that anybody means, and cost as much as a text."""
MAX_CROSS_JOINS = 3
"""Each CROSS JOIN doubles the parser's work."""

# tuples: members are compared by identity, which is faster than hashing an enumeration's name
_OPEN = (TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE, TokenType.CASE)
_CLOSE = (TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE, TokenType.END)
_PREFIX = (TokenType.NOT, TokenType.DASH, TokenType.PLUS, TokenType.TILDE, TokenType.SELECT, TokenType.FROM)
_BREAKS_PREFIX = (TokenType.IDENTIFIER, TokenType.VAR, TokenType.NUMBER, TokenType.STRING)
_TYPES = frozenset(DuckDB.Parser.TYPE_TOKENS)
_STARTS = (TokenType.SELECT, TokenType.WITH, TokenType.FROM, TokenType.L_PAREN)
_TEXTS = (TokenType.STRING, TokenType.NATIONAL_STRING, TokenType.RAW_STRING)
_SIDES = (TokenType.INNER, TokenType.LEFT, TokenType.RIGHT, TokenType.OUTER)


def span_at(text: str, start: int, end: int) -> Span:
    """Return the span of the characters [start, end) of `text`."""
    line_start = text.rfind("\n", 0, start) + 1
    return Span(start, end, text.count("\n", 0, start) + 1, start - line_start + 1)


def span_of(text: str, node: exp.Expr | None) -> Span | None:
    """Return the smallest span that holds every placed token below `node`, or None where no token is placed."""
    if node is None:
        return None
    places = [item.meta for item in node.walk() if "start" in item.meta]
    if not places:
        return None
    start, end = min(place["start"] for place in places), max(place["end"] for place in places) + 1
    return span_at(text, start, end)


def check_text(text: str) -> None:
    """Refuse text that is too long, is not Unicode NFC, or holds characters that no one can see.

    Raises:
        Refusal: TEXT_TOO_LONG, TEXT_NOT_UNICODE, TEXT_CONTROL_CHARACTER, TEXT_NOT_NORMALISED.

    """
    try:
        size = len(text.encode("utf-8"))
    except UnicodeEncodeError:
        raise Refusal(finding("TEXT_NOT_UNICODE")) from None
    if size > MAX_BYTES:
        raise Refusal(finding("TEXT_TOO_LONG"))
    if not text.replace("\n", "").replace("\t", "").isprintable():
        _refuse_invisible(text)
    if not unicodedata.is_normalized("NFC", text):
        raise Refusal(finding("TEXT_NOT_NORMALISED"))


def _refuse_invisible(text: str) -> None:
    for index, char in enumerate(text):
        # Cc: control, Cf: invisible format and direction marks, Co and Cn: no agreed meaning, Zl and Zp: line breaks to some
        if char not in "\n\t" and unicodedata.category(char) in {"Cc", "Cf", "Co", "Cn", "Zl", "Zp"}:
            raise Refusal(finding("TEXT_CONTROL_CHARACTER", span_at(text, index, index + 1)))


def check_tokens(text: str) -> Sequence[Token]:
    """Return the tokens of `text` if a parser may see them.

    Raises:
        Refusal: SYNTAX, NOT_A_QUERY, TOKENS_TOO_MANY, NESTING_TOO_DEEP, JOIN_WITHOUT_CONDITION, JOIN_NOT_DECLARED,
            CONSTRUCT_NOT_ALLOWED, IDENTIFIER_CONFUSABLE.

    """
    try:
        tokens: Sequence[Token] = Dialect.get_or_raise("duckdb").tokenize(text)
    except TokenError:
        raise Refusal(finding("SYNTAX")) from None
    if not tokens or tokens[0].token_type not in _STARTS:
        raise Refusal(finding("NOT_A_QUERY", _token_span(text, tokens[0]) if tokens else None))
    if len(tokens) > MAX_TOKENS:
        raise Refusal(finding("TOKENS_TOO_MANY"))
    _check_identifiers(text, tokens)
    _check_constants(text, tokens)
    _check_nesting(text, tokens)
    _check_types(text, tokens)
    _check_lateral(text, tokens)
    _check_joins(text, tokens)
    return tokens


def _check_constants(text: str, tokens: Sequence[Token]) -> None:
    """Refuse constants that parsers read differently.

    `0x10` is 0 under the alias x10 to one and 16 to another; `'a' 'b'` is one text to one and an error to another.
    """
    for token in tokens:
        if token.token_type is TokenType.NUMBER and len(token.text) > MAX_DIGITS:
            raise Refusal(finding("LITERAL_INVALID", _token_span(text, token)))
    for before, after in pairwise(tokens):
        if before.token_type is TokenType.NUMBER and after.start == before.end + 1 and after.token_type is TokenType.VAR:
            raise Refusal(finding("SYNTAX", _token_span(text, before)))
        if before.token_type is TokenType.STRING and after.token_type is TokenType.STRING:
            raise Refusal(finding("SYNTAX", _token_span(text, after)))


def _check_identifiers(text: str, tokens: Sequence[Token]) -> None:
    if text.isascii():
        return
    for token in tokens:
        if not token.text.isascii() and token.token_type not in _TEXTS and not all(map(_plain, token.text)):
            raise Refusal(finding("IDENTIFIER_CONFUSABLE", _token_span(text, token), token.text))


def _plain(char: str) -> bool:
    """Whether a character is ASCII or a Han character: letters of other scripts look like ASCII ones."""
    return char.isascii() or unicodedata.name(char, "").startswith("CJK UNIFIED IDEOGRAPH") or char == "〇"


def _check_nesting(text: str, tokens: Sequence[Token]) -> None:
    depth = prefixes = casts = 0
    for token in tokens:
        kind = token.token_type
        depth += (kind in _OPEN) - (kind in _CLOSE and depth > 0)
        prefixes = 0 if kind in _BREAKS_PREFIX else prefixes + (kind in _PREFIX)
        casts += kind is TokenType.DCOLON
        if depth > MAX_DEPTH or prefixes > MAX_PREFIXES or casts > MAX_DEPTH:
            raise Refusal(finding("NESTING_TOO_DEEP", _token_span(text, token)))


def _check_types(text: str, tokens: Sequence[Token]) -> None:
    """Refuse type names with brackets nested in one another: the parser reads each level twice, as a type and as a call."""
    stack: list[bool] = []
    for before, token in pairwise(tokens):
        if token.token_type in _OPEN[:3]:
            stack.append(before.token_type in _TYPES)
            if sum(stack) > MAX_TYPE_DEPTH:
                raise Refusal(finding("NESTING_TOO_DEEP", _token_span(text, token)))
        elif token.token_type in _CLOSE[:3] and stack:
            stack.pop()


def _check_lateral(text: str, tokens: Sequence[Token]) -> None:
    """Refuse LATERAL, which no rule admits later either: after a comma each one doubles the parser's work."""
    for token in tokens:
        if token.token_type is TokenType.LATERAL:
            raise Refusal(finding("CONSTRUCT_NOT_ALLOWED", _token_span(text, token), "LATERAL"))


def _check_joins(text: str, tokens: Sequence[Token]) -> None:
    """Refuse a JOIN that meets the next JOIN, or the end, at its own depth without ON or USING between."""
    if not any(token.token_type is TokenType.JOIN for token in tokens):
        return
    waiting: dict[int, Token] = {}
    depth = crosses = 0
    previous = TokenType.SEMICOLON
    for token in tokens:
        kind = token.token_type
        if kind is TokenType.ON or kind is TokenType.USING:
            waiting.pop(depth, None)
        elif kind is TokenType.JOIN:
            _refuse_waiting(text, waiting.get(depth))
            crosses += previous is TokenType.CROSS
            if previous is TokenType.NATURAL or crosses > MAX_CROSS_JOINS:
                raise Refusal(finding("CONSTRUCT_NOT_ALLOWED", _token_span(text, token), previous.name))
            if previous is not TokenType.CROSS:
                waiting[depth] = token
        elif kind is TokenType.L_PAREN:
            depth += 1
        elif kind is TokenType.R_PAREN:
            _refuse_waiting(text, waiting.pop(depth, None))
            depth = max(depth - 1, 0)
        previous = previous if kind in _SIDES else kind
    for token in waiting.values():
        _refuse_waiting(text, token)


def _refuse_waiting(text: str, token: Token | None) -> None:
    if token is not None:
        raise Refusal(finding("JOIN_WITHOUT_CONDITION", _token_span(text, token)))


def _token_span(text: str, token: Token) -> Span:
    return span_at(text, token.start, token.end + 1)
