"""Everything left of the run: decide, plan, emit, second opinion. No row is read, so a dry run is this and no more."""

import re
from dataclasses import dataclass
from decimal import Decimal

from egress.model import NotPlanned, ProtectionPlan
from egress.plan import plan
from policies.decide import decide
from policies.emit import emit
from policies.findings import finding
from policies.grant import Grant
from policies.parse_trial import ParseTrial
from policies.query import Allowed, EngineSql, Finding, GovernedQuery, Refused, SubmittedQuery
from policies.second_opinion import SecondOpinion
from sandbox.kernel.canonical import digest
from sandbox.kernel.errors import YuneiError

_DECIMAL = re.compile(r"[0-9]{1,15}(\.[0-9]{1,16})?", re.ASCII)
"""Digits and a point: what `Decimal` takes besides (blanks, other scripts' digits, `_`, exponents) is a second spelling."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """A query that may run: what will be executed, how it is protected, and the digest of all of it."""

    governed: GovernedQuery
    plan: ProtectionPlan
    engine: EngineSql
    notices: tuple[Finding, ...]

    @property
    def digest(self) -> str:
        """What the dry run showed and what the run must equal."""
        return digest([self.engine.digest, self.plan.as_json(), self.governed.grant.digest])


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
        return NotPrepared(verdict.findings)
    return _protect(verdict, epsilon, parsers.opinion)


def _protect(allowed: Allowed, epsilon: Decimal, opinion: SecondOpinion) -> Prepared | NotPrepared:
    governed = allowed.governed
    planned = plan(governed, epsilon)
    if isinstance(planned, NotPlanned):
        return NotPrepared((finding(planned.code),))
    engine = emit(governed, planned.bounding)
    if not opinion.check(engine, frozenset(use.table for use in governed.tables)):
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
