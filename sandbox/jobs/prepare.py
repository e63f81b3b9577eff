"""Everything left of the run: decide, plan, emit, second opinion. No row is read, so a dry run is this and no more."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from egress.model import NotPlanned, ProtectionPlan
from egress.plan import plan
from policies.alternatives import with_alternatives
from policies.decide import decide
from policies.engine.emit import emit
from policies.engine.second_opinion import SecondOpinion
from policies.explain import answer_json
from policies.findings import finding
from policies.grant import Grant
from policies.query import Allowed, EngineSql, Finding, GovernedQuery, Refused, SubmittedQuery, Tuning
from policies.reading.parse_trial import ParseTrial
from policies.tuning import tuned
from sandbox.jobs.model import parameters_json
from sandbox.kernel.canonical import Json, digest, digest_bytes
from sandbox.kernel.errors import YuneiError

_DECIMAL = re.compile(r"[0-9]{1,15}(\.[0-9]{1,16})?", re.ASCII)
"""Digits and a point: what `Decimal` takes besides (blanks, other scripts' digits, `_`, exponents) is a second spelling."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """A query that may run: what will be executed, how it is protected, and the digest of all of it."""

    governed: GovernedQuery
    plan: ProtectionPlan
    engine: tuple[EngineSql, ...]
    """What is executed for each core, in order."""
    notices: tuple[Finding, ...]

    @property
    def rewritten_sql(self) -> str:
        """All statements that are executed, as one text."""
        return "\n;\n".join(item.sql for item in self.engine)

    @property
    def rewritten_digest(self) -> str:
        """SHA-256 of that text."""
        return digest_bytes(self.rewritten_sql.encode())

    @property
    def digest(self) -> str:
        """What the dry run showed and what the run must equal."""
        texts: Json = [[item.digest, parameters_json(item.parameters)] for item in self.engine]
        return digest([texts, answer_json(self.governed), self.plan.as_json(), self.governed.grant.digest])


@dataclass(frozen=True)
class NotPrepared:
    """The reasons why it may not."""

    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Parsers:
    """Parsers that stand in processes of their own: one tries the submitted text, one reads what was generated from it."""

    trial: ParseTrial
    opinion: SecondOpinion

    def close(self) -> None:
        """Stop both."""
        self.trial.close()
        self.opinion.close()


def prepare(query: SubmittedQuery, grant: Grant, parsers: Parsers) -> Prepared | NotPrepared:
    """Take a submitted query through policy, planning and generation.

    Raises:
        YuneiError: `EPSILON_INVALID`, `EPSILON_ABOVE_POLICY`, `ENGINE_SQL_REFUSED`.

    """
    epsilon = _epsilon(query.epsilon, grant)
    if not parsers.trial.passes(query.sql):
        return NotPrepared((finding("PARSE_TOO_COSTLY"),))
    verdict = decide(query, grant)
    if isinstance(verdict, Refused):
        prepared: Prepared | NotPrepared = NotPrepared(verdict.findings)
    else:
        prepared = _protect(verdict, query.tuning, epsilon, parsers.opinion)
    if isinstance(prepared, Prepared):
        return prepared
    return NotPrepared(with_alternatives(query.sql, prepared.findings, grant, lambda text: _against(query, text, grant, epsilon)))


def _against(query: SubmittedQuery, text: str, grant: Grant, epsilon: Decimal) -> Sequence[Finding]:
    """Return what stands against another text of the same query; it needs none of the parameters that it does not use."""
    used = {name: value for name, value in query.parameters.items() if f"${name}" in text.lower()}
    verdict = decide(replace(query, sql=text, parameters=used), grant)
    if isinstance(verdict, Refused):
        return verdict.findings
    governed = tuned(verdict.governed, query.tuning)
    if isinstance(governed, tuple):
        return governed
    planned = plan(governed, epsilon)
    return (finding(planned.code),) if isinstance(planned, NotPlanned) else ()


def _protect(allowed: Allowed, tuning: Tuning, epsilon: Decimal, opinion: SecondOpinion) -> Prepared | NotPrepared:
    governed = tuned(allowed.governed, tuning)
    if isinstance(governed, tuple):
        return NotPrepared(governed)
    planned = plan(governed, epsilon)
    if isinstance(planned, NotPlanned):
        return NotPrepared((finding(planned.code),))
    engine = tuple(emit(core, found.bounding) for core, found in zip(governed.cores, planned.cores, strict=True))
    if not all(opinion.check(text, core.tables) for text, core in zip(engine, governed.cores, strict=True)):
        raise YuneiError("ENGINE_SQL_REFUSED")
    return Prepared(governed, planned, engine, allowed.notices)


def _epsilon(text: str | None, grant: Grant) -> Decimal:
    most = grant.policy.protection.per_job_epsilon_max
    if text is None:
        return most
    asked = Decimal(text) if _DECIMAL.fullmatch(text) else Decimal(0)
    if asked <= 0:
        raise YuneiError("EPSILON_INVALID")
    if asked > most:
        raise YuneiError("EPSILON_ABOVE_POLICY", per_job_epsilon_max=str(most))
    return asked
