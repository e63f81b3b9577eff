"""Step 3, second half: the tree says all that the text says, and nothing that another reader would refuse.

The parser is lenient: it passes over words that it has no place for, and takes for a name what is none. What it dropped, or
what the engine's own parser would not read, is refused here, so that nothing written goes without effect.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

from sqlglot import exp
from sqlglot.tokenizer_core import Token, TokenType

from policies.findings import Refusal, finding
from policies.reading.text import span_at, span_of

_SPOKEN = frozenset({TokenType.VAR, TokenType.IDENTIFIER, TokenType.STRING, TokenType.NUMBER})
_OPENS = frozenset({TokenType.L_PAREN, TokenType.COMMA, TokenType.SELECT, TokenType.DISTINCT})
_CLOSES = frozenset({TokenType.R_PAREN, TokenType.COMMA, TokenType.FROM})
_ORDERING = frozenset({"nulls", "last", "first"})
"""Words of an ORDER BY that the tree holds as a flag."""
_BARE = (exp.RowNumber, exp.Rank, exp.DenseRank, exp.PercentRank, exp.CumeDist, exp.Grouping)
"""Functions that the parser counts as aggregates and that take no argument."""
_COMPARISONS = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.NullSafeEQ, exp.NullSafeNEQ)
_TESTS = (*_COMPARISONS, exp.Is, exp.In, exp.Like, exp.ILike)


def check_fidelity(text: str, tokens: Sequence[Token], root: exp.Query) -> None:
    """Refuse a text of which the tree is not a full and strict reading.

    Raises:
        Refusal: SYNTAX for what the engine's parser refuses; CONSTRUCT_NOT_ALLOWED for a word without effect; NAME_INVALID
            for a name that is none; TYPE_MISMATCH for a malformed type.

    """
    _check_commas(text, tokens)
    _check_words(text, tokens, root)
    for node in root.walk():
        code = next(_faults(node), None)
        if code is not None:
            raise Refusal(finding(code, span_of(text, node)))


def _check_commas(text: str, tokens: Sequence[Token]) -> None:
    """A comma stands between two things, and a plus before a thing: the parser passes over either."""
    for before, after in pairwise(tokens):
        stray = after.token_type is TokenType.COMMA and before.token_type in _OPENS
        trailing = before.token_type is TokenType.COMMA and after.token_type in _CLOSES
        plus = after.token_type is TokenType.PLUS and (before.token_type in _OPENS or before.token_type is TokenType.PLUS)
        if stray or trailing or plus:
            raise Refusal(finding("SYNTAX", span_at(text, after.start, after.end + 1)))


def _check_words(text: str, tokens: Sequence[Token], root: exp.Query) -> None:
    """Every name and constant of the text stands in the tree as often as it was written; functions are nodes of their own."""
    held = Counter(_words(root))
    for place, token in enumerate(tokens):
        called = place + 1 < len(tokens) and tokens[place + 1].token_type is TokenType.L_PAREN
        if token.token_type not in _SPOKEN or (called and token.token_type is TokenType.VAR):
            continue
        word = token.text.lower()
        if word in _ORDERING and token.token_type is TokenType.VAR:
            continue
        held[word] -= 1
        if held[word] < 0:
            raise Refusal(finding("CONSTRUCT_NOT_ALLOWED", span_at(text, token.start, token.end + 1)))


def _words(root: exp.Query) -> Iterator[str]:
    for node in root.walk():
        if isinstance(node, (exp.Identifier, exp.Literal, exp.Var)):
            yield str(node.this).lower()
        elif isinstance(node, exp.WindowSpec):
            yield from (word for value in node.args.values() if isinstance(value, str) for word in value.lower().split())
        elif isinstance(node, exp.Placeholder):
            yield str(node.this or "").lower()
        elif isinstance(node, exp.Anonymous):
            yield str(node.this).lower()


def _faults(node: exp.Expr) -> Iterator[str]:
    if isinstance(node, exp.Select) and not node.expressions:
        yield "SYNTAX"
    if isinstance(node, exp.Group) and (node.args.get("all") is False or (node.args.get("all") and node.expressions)):
        yield "CONSTRUCT_NOT_ALLOWED"  # GROUP BY DISTINCT, and a list behind GROUP BY ALL
    if isinstance(node, exp.In) and not node.expressions and node.args.get("query") is None:
        yield "SYNTAX"
    if isinstance(node, _TESTS) and isinstance(node.this, _TESTS):
        yield "SYNTAX"  # the engine's comparisons do not lean on one another
    if isinstance(node, exp.AggFunc) and node.args.get("this") is None and type(node) not in _BARE:
        yield "SYNTAX"
    if isinstance(node, exp.Exists) and not isinstance(node.this, exp.Query):
        yield "CONSTRUCT_NOT_ALLOWED"
    if isinstance(node, exp.Alias) and not isinstance(node.args.get("alias"), exp.Identifier):
        yield "NAME_INVALID"
    if isinstance(node, exp.TableAlias) and not all(isinstance(item, exp.Identifier) for item in (node.this, *node.columns)):
        yield "NAME_INVALID"
    if isinstance(node, exp.DataType) and not _well_formed(node):
        yield "TYPE_MISMATCH"


def _well_formed(node: exp.DataType) -> bool:
    """Only DECIMAL takes numbers: up to 38 digits, and as many decimals at the most."""
    sizes = [item.this for item in node.expressions]
    if not all(isinstance(size, exp.Literal) and not size.is_string and str(size.this).isdigit() for size in sizes):
        return False
    numbers = [int(size.this) for size in sizes if len(str(size.this)) <= 2]
    if node.this is not exp.DType.DECIMAL:
        return not sizes
    return len(numbers) == len(sizes) <= 2 and (not numbers or (1 <= numbers[0] <= 38 and numbers[-1] <= numbers[0]))
