"""Checks of a differentially private result before anybody may release it. Pure.

Only data-independent rules and rules on noised values decide here: a check on raw data that decided a release would
itself tell something about the data. Evidence counts cells; it never quotes one.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal, TypeGuard

from egress.identifiers import identifiers_in, normal
from egress.model import ProtectedColumn, ProtectedResult, ProtectionPlan
from egress.release.files import cell_text, csv_bytes, is_formula, released_table
from policies.policy import Output
from policies.query import ALIAS, interval_of
from sandbox.kernel.canonical import Json, digest, digest_bytes
from sandbox.kernel.run import Cell

Outcome = Literal["pass", "review", "fail"]

_ORDER: Mapping[Outcome, int] = {"pass": 0, "review": 1, "fail": 2}
_ALIAS = re.compile(ALIAS)
_CONTROL = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u200b-\\u200f\\u202a-\\u202e\\u2060-\\u206f\\ufeff]")
_SEVERITY: Mapping[str, Outcome] = {"resident_number": "fail", "card_number": "fail", "phone_number": "review"}
"""A number with a check digit is no accident; eleven digits may be a code, so a person looks."""


@dataclass(frozen=True)
class CheckFinding:
    """One rule that did not simply pass. `evidence` holds counts and limits."""

    rule: str
    outcome: Outcome
    evidence: Mapping[str, Json]

    def as_json(self) -> Mapping[str, Json]:
        """Return the finding for reviewers."""
        return {"rule": self.rule, "outcome": self.outcome, "evidence": self.evidence}


@dataclass(frozen=True)
class ColumnReport:
    """All findings of one output column."""

    name: str
    kind: str
    findings: tuple[CheckFinding, ...]

    @property
    def outcome(self) -> Outcome:
        """The worst finding."""
        return worst(self.findings)


@dataclass(frozen=True)
class CheckReport:
    """The verdict on a result; `result_digest` pins the exact bytes it speaks of, the canonical CSV."""

    columns: tuple[ColumnReport, ...]
    findings: tuple[CheckFinding, ...]
    rows: int
    cells: int
    result_digest: str

    @property
    def outcome(self) -> Outcome:
        """The worst finding of the table and of its columns."""
        return worst([*self.findings, *(finding for column in self.columns for finding in column.findings)])

    def as_json(self) -> Mapping[str, Json]:
        """Return the report for reviewers and for its digest."""
        return {
            "lane": "dp",
            "outcome": self.outcome,
            "rows": self.rows,
            "cells": self.cells,
            "result_digest": self.result_digest,
            "findings": [finding.as_json() for finding in self.findings],
            "columns": [
                {
                    "name": column.name,
                    "kind": column.kind,
                    "outcome": column.outcome,
                    "findings": [finding.as_json() for finding in column.findings],
                }
                for column in self.columns
            ],
        }

    @property
    def digest(self) -> str:
        """SHA-256 of the report's canonical form."""
        return digest(self.as_json())


def worst(findings: Iterable[CheckFinding]) -> Outcome:
    """Return the gravest outcome; no findings pass."""
    return max((finding.outcome for finding in findings), key=_ORDER.__getitem__, default="pass")


def check(result: ProtectedResult, plan: ProtectionPlan, output: Output, canaries: tuple[str, ...]) -> CheckReport:
    """Check a protected result.

    Args:
        result: the noised table.
        plan: how it was protected; a complete public key product fixes the number of groups.
        output: the caps of the policy.
        canaries: planted values that must never leave; only whether one occurs is told, not which.

    """
    columns = tuple(_column(result, place, column) for place, column in enumerate(result.columns))
    whole = [*_caps(result, output), *_intervals(result.columns), *_groups(result, plan)]
    data = _bytes(result)
    if data is None:
        whole.append(CheckFinding("form.text", "fail", {}))
    whole += _canaries(result, data or b"", canaries)
    cells = len(result.rows) * len(result.columns)
    return CheckReport(columns, tuple(whole), len(result.rows), cells, digest_bytes(data or b""))


def _bytes(result: ProtectedResult) -> bytes | None:
    try:
        return csv_bytes(released_table(result))
    except UnicodeEncodeError:
        return None


def _caps(result: ProtectedResult, output: Output) -> Iterator[CheckFinding]:
    rows, cells = len(result.rows), len(result.rows) * len(result.columns)
    if rows > output.max_rows:
        yield CheckFinding("form.cap", "fail", {"rows": rows, "max_rows": output.max_rows})
    if cells > output.max_cells:
        yield CheckFinding("form.cap", "fail", {"cells": cells, "max_cells": output.max_cells})
    if any(len(row) != len(result.columns) for row in result.rows) or not result.columns:
        yield CheckFinding("form.shape", "fail", {})


def _groups(result: ProtectedResult, plan: ProtectionPlan) -> Iterator[CheckFinding]:
    """Public keys promise a fixed set of groups: more rows than come of them are not what was planned."""
    if plan.most_rows is not None and len(result.rows) > plan.most_rows:
        yield CheckFinding("form.groups", "fail", {"rows": len(result.rows), "groups": plan.most_rows})


def _intervals(columns: Sequence[ProtectedColumn]) -> Iterator[CheckFinding]:
    """Every interval column follows its aggregate: `x`, `x_low`, `x_high`, each name once."""
    names = [column.name for column in columns]
    if len(set(names)) != len(names):
        yield CheckFinding("form.name", "fail", {"repeated": len(names) - len(set(names))})
    for before, column, after in zip([None, *columns], columns, [*columns[1:], None], strict=False):
        if column.kind == "low":
            right = _is_aggregate(before) and _is_high(after) and (column.name, after.name) == interval_of(before.name)
        else:
            right = column.kind != "high" or (before is not None and before.kind == "low")
        if not right:
            yield CheckFinding("form.interval", "fail", {"column": column.name})


def _is_aggregate(column: ProtectedColumn | None) -> TypeGuard[ProtectedColumn]:
    return column is not None and column.kind not in {"key", "low", "high"}


def _is_high(column: ProtectedColumn | None) -> TypeGuard[ProtectedColumn]:
    return column is not None and column.kind == "high"


def _column(result: ProtectedResult, place: int, column: ProtectedColumn) -> ColumnReport:
    cells = [row[place] for row in result.rows if place < len(row)]
    findings = [*_name(column.name), *_types(column, cells), *_texts(column, cells)]
    return ColumnReport(column.name, column.kind, tuple(findings))


def _name(name: str) -> Iterator[CheckFinding]:
    if not _ALIAS.fullmatch(name):
        yield CheckFinding("form.alias", "fail", {})
    for kind in sorted(identifiers_in(name)):
        yield CheckFinding(f"identifier.{kind}", "fail", {"place": "alias"})


def _types(column: ProtectedColumn, cells: Sequence[Cell]) -> Iterator[CheckFinding]:
    fits = _fit(column.type)
    wrong = len(cells) if fits is None else sum(1 for cell in cells if cell is not None and not fits(cell))
    if wrong or fits is None:
        yield CheckFinding("form.type", "fail", {"cells": wrong, "type": column.type})


def _fit(name: str) -> Callable[[Cell], bool] | None:
    scale = re.fullmatch(r"decimal\(38,(\d|[1-3]\d)\)", name)
    if scale:
        digits = int(scale[1])
        return lambda cell: isinstance(cell, Decimal) and _fixed(cell, digits)
    return _FITS.get(name)


def _fixed(cell: Decimal, digits: int) -> bool:
    _, figures, exponent = cell.as_tuple()
    return exponent == -digits and len(figures) <= 38


_FITS: Mapping[str, Callable[[Cell], bool]] = {
    "integer": lambda cell: isinstance(cell, int) and not isinstance(cell, bool) and -(1 << 63) <= cell < 1 << 63,
    "text": lambda cell: isinstance(cell, str),
    "boolean": lambda cell: isinstance(cell, bool),
    "date": lambda cell: isinstance(cell, date),
}


def _texts(column: ProtectedColumn, cells: Sequence[Cell]) -> Iterator[CheckFinding]:
    """Look into keys and texts only: every other cell is a noised number, whose digits mean nothing."""
    if column.kind != "key" and column.type != "text":
        return
    texts = [cell_text(cell) for cell in cells if isinstance(cell, (str, int)) and not isinstance(cell, bool)]
    kinds = [identifiers_in(text) for text in texts]
    for kind, severity in _SEVERITY.items():
        count = sum(1 for found in kinds if kind in found)
        if count:
            yield CheckFinding(f"identifier.{kind}", severity, {"cells": count})
    formulas = sum(1 for cell in cells if isinstance(cell, str) and is_formula(cell))
    if formulas:
        yield CheckFinding("form.formula", "review", {"cells": formulas, "neutralised": True})
    hidden = sum(1 for cell in cells if isinstance(cell, str) and _CONTROL.search(cell))
    if hidden:
        yield CheckFinding("form.control", "review", {"cells": hidden})


def _canaries(result: ProtectedResult, data: bytes, canaries: tuple[str, ...]) -> Iterator[CheckFinding]:
    """Search the final bytes as they are, every cell as a reader means it, and the keys of a row run together."""
    planted = [plain for plain in map(normal, canaries) if plain]
    text = data.decode()
    keys = [place for place, column in enumerate(result.columns) if column.kind == "key" or column.type == "text"]
    joined = ("".join(cell_text(row[place]) for place in keys if place < len(row)) for row in result.rows)
    cells = (cell_text(cell) for row in result.rows for cell in row)
    names = (column.name for column in result.columns)
    searched = "\x00".join(normal(piece) for piece in (*names, *cells, *joined))
    if any(canary in searched for canary in planted) or any(canary and canary in text for canary in canaries):
        yield CheckFinding("canary", "fail", {})
