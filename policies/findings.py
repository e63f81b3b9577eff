"""The closed catalogue of findings. Every text is constant: no value, name or engine message ever enters one.

A finding points at a place (`span`) and names an `object` only by repeating what the operator wrote.
"""

from collections.abc import Mapping

from policies.document_findings import DOCUMENTS, NOTICES
from policies.finding_kinds import FindingKind
from policies.query import Finding, Fix, Span
from policies.sql_findings import SQL

CATALOGUE: Mapping[str, FindingKind] = {**SQL, **DOCUMENTS}
"""Every code that refuses."""


def finding(code: str, span: Span | None = None, obj: str | None = None, *, hint: tuple[str, str] | None = None) -> Finding:
    """Make a finding of the catalogue.

    Args:
        code: a key of `CATALOGUE` or `NOTICES`.
        span: the place in the submitted text.
        obj: what it is about, as the operator wrote it or as the policy document names it.
        hint: advice (zh, en) made from granted names and public metadata, in place of the constant advice.

    Raises:
        KeyError: the code is not of the catalogue.

    """
    kind = CATALOGUE.get(code) or NOTICES[code]
    zh, en = hint or (kind.fix_zh, kind.fix_en)
    return Finding(code, kind.rule, kind.severity, kind.zh, kind.en, kind.article, span, obj, Fix(zh, en))


class Refusal(Exception):  # noqa: N818 - an ordinary outcome of deciding, not an error
    """Stops a pipeline step; `decide` and `resolve` turn it into `Refused`."""

    def __init__(self, *findings: Finding) -> None:
        self.findings = findings
        super().__init__(", ".join(item.code for item in findings))
