"""A policy's own cases: each query is judged as a dry run would, from documents alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from egress.model import NotPlanned
from egress.plan import plan
from policies.decide import decide
from policies.documents import DocumentFault, DocumentRefusedError, load_catalog, load_policy
from policies.findings import finding
from policies.grant import Grant
from policies.policy import Case, CaseValue, DateValue, DecimalValue, Policy
from policies.query import Finding, Refused, SubmittedQuery
from policies.resolve import resolve
from sandbox.kernel.canonical import Json
from sandbox.kernel.run import Parameter


@dataclass(frozen=True)
class CaseOutcome:
    """How one case of a policy came out.

    Args:
        policy: the policy's name.
        place: which case, from 0.
        sql: its query.
        expected: `allowed`, or the code of the finding that refuses.
        findings: what the query was refused for; empty where it is allowed.

    """

    policy: str
    place: int
    sql: str
    expected: str
    findings: tuple[Finding, ...]

    @property
    def found(self) -> tuple[str, ...]:
        """The codes that were found."""
        return tuple(dict.fromkeys(item.code for item in self.findings))

    @property
    def passed(self) -> bool:
        """Whether the verdict is the expected one."""
        return self.expected in (self.found or ("allowed",))

    def as_json(self) -> Json:
        """Return the outcome; of a case that passed, the codes are enough."""
        shown: dict[str, Json] = {} if self.passed else {"findings": [item.as_json() for item in self.findings]}
        case: dict[str, Json] = {"policy": self.policy, "case": self.place, "sql": self.sql, "expected": self.expected}
        return {**case, "found": list(self.found) or ["allowed"], "passed": self.passed, **shown}


def run_cases(grant: Grant) -> Iterator[CaseOutcome]:
    """Yield the outcome of each case that the policy carries."""
    for place, case in enumerate(grant.policy.cases):
        findings = _findings(_asked(grant.policy, case), grant)
        expected = case.expect if isinstance(case.expect, str) else case.expect.refused
        yield CaseOutcome(grant.policy.policy, place, case.sql, expected, findings)


def run_directory(directory: Path) -> Iterator[CaseOutcome]:
    """Yield the outcomes of all cases of all policies in `directory`, which holds `catalog/` and `policies/`.

    Raises:
        DocumentRefusedError: a document cannot be read, or a policy does not resolve.

    """
    catalog = load_catalog(directory / "catalog")
    for path in sorted((directory / "policies").glob("*.yaml")):
        grant = resolve(load_policy(path), catalog)
        if isinstance(grant, Refused):
            raise DocumentRefusedError(_unresolved(path.name, item) for item in grant.findings)
        yield from run_cases(grant)


def _findings(query: SubmittedQuery, grant: Grant) -> tuple[Finding, ...]:
    """Return why the query would be refused by the policy or by the plan of its protection, at the largest ε of a job."""
    verdict = decide(query, grant)
    if isinstance(verdict, Refused):
        return verdict.findings
    planned = plan(verdict.governed, None)
    return (finding(planned.code),) if isinstance(planned, NotPlanned) else ()


def _asked(policy: Policy, case: Case) -> SubmittedQuery:
    """Return the query of a case; what the case leaves out is the policy's first."""
    parameters = {name: _value(value) for name, value in case.parameters.items()}
    purpose, environment = case.purpose or policy.purpose[0], case.environment or policy.environment[0]
    return SubmittedQuery(policy.agreement, purpose, environment, case.sql, parameters)


def _value(given: CaseValue) -> Parameter:
    if isinstance(given, DateValue):
        return given.date
    return given.decimal if isinstance(given, DecimalValue) else given


def _unresolved(file: str, found: Finding) -> DocumentFault:
    return DocumentFault(file, found.object or "", "POLICY_UNRESOLVED", f"{found.code}: {found.zh} / {found.en}")
