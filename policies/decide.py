"""The decision: one ordered tuple of steps from submitted text to a governed query, or the findings that refuse it.

Pure: reads the query and the grant, nothing else. Step 8 of the pipeline, generation, is `policies.engine.emit`.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar, cast

from sqlglot import exp
from sqlglot.tokenizer_core import Token

from policies.engine.sections import engine_characters
from policies.findings import Refusal, finding
from policies.grant import Grant
from policies.query import ALIAS, Allowed, Finding, GovernedQuery, Refused, SubmittedQuery, Verdict, interval_of
from policies.reading.bodies import Query
from policies.reading.names import bind
from policies.reading.parse import parse
from policies.reading.text import check_text, check_tokens, span_of
from policies.released.made import Answered
from policies.rows.units import Attribution
from policies.splitting.post import Builder
from policies.splitting.rewriting import answer_tree, distinct_cores, outputs_of, shown_names, table_uses
from sandbox.kernel.canonical import digest_bytes

MAX_ENGINE_CHARACTERS = 64_000
"""Generated text of all cores of a query: what is read in the text once may stand in it many times."""


@dataclass(frozen=True)
class Draft:
    """What is known of a query between two steps; each step fills its own field."""

    query: SubmittedQuery
    grant: Grant
    tokens: Sequence[Token] | None = None
    tree: exp.Query | None = None
    bound: Query | None = None
    builder: Builder | None = None
    answered: Answered | None = None
    units: Sequence[Attribution] | None = None
    governed: GovernedQuery | None = None


T = TypeVar("T")
Step = Callable[[Draft], Draft]


def admit_text(draft: Draft) -> Draft:
    """Step 1: the agreement, purpose and environment are the policy's; the text is plain."""
    policy, query = draft.grant.policy, draft.query
    if query.agreement != policy.agreement or query.purpose not in policy.purpose or query.environment not in policy.environment:
        raise Refusal(finding("POLICY_NOT_MATCHED"))
    check_text(query.sql)
    return draft


def admit_tokens(draft: Draft) -> Draft:
    """Step 2, before parsing: size, depth and joins on tokens."""
    return replace(draft, tokens=check_tokens(draft.query.sql))


def parse_allowed(draft: Draft) -> Draft:
    """Steps 2 and 3: one SELECT whose nodes and functions are all on the allow-lists."""
    return replace(draft, tree=parse(draft.query.sql, _made(draft.tokens)))


def bind_names(draft: Draft) -> Draft:
    """Step 4: every name is granted and qualified."""
    return replace(draft, bound=bind(draft.query.sql, _made(draft.tree), draft.grant))


def flow_classes(draft: Draft) -> Draft:
    """Step 5: classes, intervals and domains over every clause; what is released, and what runs on it."""
    builder = Builder(draft.query.sql, draft.grant, draft.query.parameters)
    answered = builder.query(cast("Query", _made(draft.bound)))
    _check_shown(draft, answered)
    unused = sorted(set(draft.query.parameters) - _spoken_parameters(_made(draft.tree)))
    if unused:
        raise Refusal(finding("PARAMETER_UNUSED", obj=unused[0]))
    if not builder.drafts:
        raise Refusal(finding("UNIT_MISSING"))
    return replace(draft, builder=builder, answered=answered)


def attribute_unit(draft: Draft) -> Draft:
    """Step 6: each row has one unit, each unit boundedly many rows."""
    return replace(draft, units=[item.attribute() for item in _made(draft.builder).drafts])


def rewrite(draft: Draft) -> Draft:
    """Step 7: cores over extracts; all that is done with released values is split off as a tree over them."""
    answered, tree = _made(draft.answered), _made(draft.tree)
    asked = list(zip(_made(draft.builder).drafts, _made(draft.units), strict=True))
    cores, names = distinct_cores(asked)
    if sum(engine_characters(core) for core in cores) > MAX_ENGINE_CHARACTERS:
        raise Refusal(finding("TREE_TOO_LARGE"))
    shown = shown_names(tree)
    outputs = tuple(outputs_of(answered, shown, cores, names))
    post = answer_tree(answered, shown, names)
    # the tree has served: the generator may reuse its nodes
    canonical = tree.sql(dialect="duckdb", identify=True, comments=False, copy=False)
    governed = GovernedQuery(
        grant=draft.grant,
        cores=cores,
        post=post,
        outputs=outputs,
        tables=tuple(table_uses(asked, cores, draft.grant)),
        canonical_sql=canonical,
        canonical_digest=digest_bytes(canonical.encode()),
    )
    return replace(draft, governed=governed)


STEPS: tuple[Step, ...] = (
    admit_text,
    admit_tokens,
    parse_allowed,
    bind_names,
    flow_classes,
    attribute_unit,
    rewrite,
)
"""Steps 1-7 in order. A step sees only what the steps before it let through."""


def decide(query: SubmittedQuery, grant: Grant) -> Verdict:
    """Return whether the query may run under the grant.

    Returns:
        `Allowed` with the governed query and notices, or `Refused` with at least one finding. Never raises on any text.

    """
    draft = Draft(query, grant)
    try:
        for step in STEPS:
            draft = step(draft)
    except Refusal as refusal:
        return Refused(refusal.findings)
    except RecursionError:
        return Refused((finding("NESTING_TOO_DEEP"),))
    return Allowed(_made(draft.governed), tuple(_notices(_made(draft.governed), _made(draft.builder))))


def _made(value: T | None) -> T:
    if value is None:
        raise TypeError("a step ran before the step that it relies on")
    return value


def _spoken_parameters(tree: exp.Expr) -> set[str]:
    return {str(node.this) for node in tree.find_all(exp.Placeholder)}


def _check_shown(draft: Draft, answered: Answered) -> None:
    """Refuse names that meet, also with the interval columns that follow each aggregate."""
    taken: set[str] = set()
    for name, made in zip(shown_names(_made(draft.tree)), answered.columns.values(), strict=True):
        own = {item.lower() for item in (name, *(interval_of(name) if made.interval else ()))}
        if not all(re.fullmatch(ALIAS, item) for item in own):
            raise Refusal(finding("NAME_INVALID", span_of(draft.query.sql, draft.tree), name[:63]))
        if taken & own:
            raise Refusal(finding("NAME_DUPLICATE", span_of(draft.query.sql, draft.tree), name))
        taken |= own


def _notices(governed: GovernedQuery, builder: Builder) -> Iterator[Finding]:
    yield from dict.fromkeys(notice for draft in builder.drafts for level in draft.rows.nested() for notice in level.notices)
    if any(key.domain is None for core in governed.cores for key in core.keys):
        yield finding("GROUPS_MAY_BE_MISSING")
