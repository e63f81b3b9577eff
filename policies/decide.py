"""The decision: one ordered tuple of steps from submitted text to a governed query, or the findings that refuse it.

Pure: reads the query and the grant, nothing else. Step 8 of the pipeline, generation, is `policies.emit`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from sqlglot import exp
from sqlglot.tokenizer_core import Token

from policies.answer import Answer, answer_of
from policies.constants import PREFIX, bound_value
from policies.findings import Refusal, finding
from policies.grant import Grant
from policies.names import Body, bind
from policies.parse import parse
from policies.query import Allowed, Finding, GovernedQuery, Refused, SubmittedQuery, Verdict
from policies.relation import Rows, context_of, flatten
from policies.rewriting import relation_text, table_uses
from policies.text import check_text, check_tokens
from policies.units import Attribution, attribute, bounds_of
from sandbox.kernel.canonical import digest_bytes


@dataclass(frozen=True)
class Draft:
    """What is known of a query between two steps; each step fills its own field."""

    query: SubmittedQuery
    grant: Grant
    tokens: Sequence[Token] | None = None
    tree: exp.Select | None = None
    body: Body | None = None
    rows: Rows | None = None
    answer: Answer | None = None
    unit: Attribution | None = None
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
    body = bind(draft.query.sql, _made(draft.tree), draft.grant)
    return replace(draft, body=body)


def flow_classes(draft: Draft) -> Draft:
    """Step 5: classes, intervals and domains over every clause."""
    context = context_of(draft.query.sql, draft.grant, draft.query.parameters)
    rows = Rows()
    scope = flatten(context, _made(draft.body), rows)
    answer = answer_of(scope, _made(draft.body), rows.facts)
    unused = sorted(set(draft.query.parameters) - _spoken_parameters(_made(draft.tree)))
    if unused:
        raise Refusal(finding("PARAMETER_UNUSED", obj=unused[0]))
    return replace(draft, rows=rows, answer=answer)


def attribute_unit(draft: Draft) -> Draft:
    """Step 6: each row has one unit, each unit boundedly many rows."""
    answer, rows = _made(draft.answer), _made(draft.rows)
    unit = attribute(draft.grant, rows)
    keys = {item.alias: item.table.unit_key for item in rows.occurrences if not item.table.public}
    for item in answer.aggregates:
        if item.unit_key is not None and keys.get(item.unit_key.alias) != item.unit_key.column:
            raise Refusal(finding("PROTECTION_UNAVAILABLE", obj="COUNT DISTINCT"))
    return replace(draft, unit=unit)


def rewrite(draft: Draft) -> Draft:
    """Step 7: the row relation over extracts; order and limit are split off to run on released values."""
    answer, rows, unit = _made(draft.answer), _made(draft.rows), _made(draft.unit)
    terms = [*answer.key_terms, *(item.argument for item in answer.aggregates if item.argument is not None), *rows.filters]
    bound = frozenset().union(*(term.parameters for term in terms))
    # the tree has served: the generator may reuse its nodes
    canonical = _made(draft.tree).sql(dialect="duckdb", identify=True, comments=False, copy=False)
    governed = GovernedQuery(
        grant=draft.grant,
        relation=relation_text(answer, rows, unit),
        keys=tuple(answer.keys),
        aggregates=tuple(item.aggregate for item in answer.aggregates),
        outputs=tuple(answer.outputs),
        order=tuple(answer.order),
        limit=answer.limit,
        unit=bounds_of(draft.grant, rows, unit, answer.key_terms),
        tables=tuple(table_uses(rows, answer)),
        parameters={PREFIX + name: bound_value(draft.query.parameters[name]) for name in sorted(bound)},
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
    governed, rows = _made(draft.governed), _made(draft.rows)
    return Allowed(governed, tuple(_notices(governed, rows)))


def _made(value: T | None) -> T:
    if value is None:
        raise TypeError("a step ran before the step that it relies on")
    return value


def _spoken_parameters(tree: exp.Select) -> set[str]:
    return {str(node.this) for node in tree.find_all(exp.Placeholder)}


def _notices(governed: GovernedQuery, rows: Rows) -> Iterator[Finding]:
    yield from dict.fromkeys(rows.notices)
    if any(key.domain is None for key in governed.keys):
        yield finding("GROUPS_MAY_BE_MISSING")
