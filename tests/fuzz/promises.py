"""What must hold for any text whatever: each promise a check, each broken promise an exception with one name per defect."""

import random
import re
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb

from egress.exact import groups_of
from policies.decide import decide
from policies.engine.emit import emit
from policies.engine.second_opinion import EngineOpinion
from policies.findings import CATALOGUE, NOTICES
from policies.grant import Grant
from policies.query import Allowed, EngineSql, Finding, SubmittedQuery
from policies.reading.parse_trial import ProcessTrial
from sandbox.jobs.prepare import NotPrepared, Parsers, Prepared, prepare
from sandbox.kernel.canonical import digest
from sandbox.kernel.errors import YuneiError
from tests import neighbours
from tests.factories_policies import submitted
from tests.fuzz.case import Case, Outcome
from tests.fuzz.corpus import DENIED
from tests.fuzz.draw import GRANTS
from tests.neighbours import SCHEMAS, Draw, Row, open_engine, run

LIMIT_MS = 200.0
"""Processor time that one text may cost the service, whatever comes of it."""

TOO_SLOW = f"a text costs at most {LIMIT_MS:.0f} ms of processor time"

NEIGHBOURS_EVERY = 10
"""Of this many allowed texts one is compared on all neighbours of a drawn city, which takes as long as fifty others."""

SUPPLIED = 1
"""Which of a grant's extracts holds what supply lets through."""

_ASKED = frozenset({"EPSILON_INVALID", "EPSILON_ABOVE_POLICY"})
_DENIED = re.compile(rf"\b({'|'.join(DENIED)})\b", re.IGNORECASE)
_LIMIT = re.compile(r"\bLIMIT\b", re.IGNORECASE)
_PARAMETER = re.compile(r"\$([A-Za-z_]\w*)")
_STRING = re.compile(r"'(?:[^']|'')*'")
_TEXTS: Sequence[Any] = (
    "", " ", "%", "_", "ß", "ﬁ", "ŉ", "😀", "e\u0301", "''", "''''", "a" * 5000, "2024-02-30", "9" * 30, "\\", "__other", "NULL", "n", "v1:x", None,
)  # fmt: skip
_WILD: Mapping[str, Sequence[Any]] = {
    "street": _TEXTS,
    "diagnosis_code": _TEXTS,
    "hospital": ("一院", "二院", *_TEXTS),
    "income": ("99999999.99", "-99999999.99", "0.005", None),
    "cost": ("999999.99", "-999999.99", None),
    "balance": (-(2**63), 2**63 - 1, 2, None),
    "amount": (-(2**63), 2**63 - 1, None),
    "days": (-(2**63), 2**63 - 1, None),
    "birth_date": ("-290307-12-22", "294247-01-10", "infinity", "-infinity", "1899-12-31", "2026-01-01", None),
    "visit_date": ("0001-01-01", "9999-12-31", "infinity", None),
    "paid_on": ("0001-01-01 (BC)", "9999-12-31", "infinity", None),
}
"""What no declaration allows, or nobody thought of: the generated SQL promises not to fail on any data of its types."""


class BrokenError(Exception):
    """A promise that a text breaks."""

    def __init__(self, promise: str, detail: object = "") -> None:
        self.promise, self.detail = promise, str(detail)[:2000]
        super().__init__(promise)


class Checker:
    """Takes texts through trial, decision, planning, generation, second opinion and engine, as a job would go."""

    def __init__(self) -> None:
        self._parsers = Parsers(ProcessTrial(), EngineOpinion())
        self._extracts = [list(_extracts(grant)) for grant in GRANTS]
        self._scratch = _engine()
        self._allowed = 0

    def close(self) -> None:
        """Stop the parsers' processes."""
        self._parsers.close()

    def check(self, case: Case) -> Outcome:
        """Return what came of a case, with the first promise that it breaks."""
        try:
            cpu_ms, found = self._timed(case)
            codes, made = self._held(case, found)
        except BrokenError as broken:
            return Outcome(failure=broken.promise, detail=broken.detail)
        except Exception as error:  # noqa: BLE001 - whatever is raised here is a defect, and its place is its name
            return Outcome(failure=f"{type(error).__name__} {_place(error)}", detail=str(error)[:2000])
        return Outcome(codes, cpu_ms, TOO_SLOW if cpu_ms > LIMIT_MS else None, "", digest([*codes, *made]))

    def _timed(self, case: Case) -> tuple[float, Prepared | NotPrepared | str]:
        """Prepare a case; what seems to cost too much is tried twice more, and the least counts."""
        took, found = list[float](), None
        while found is None or (took[-1] > LIMIT_MS and len(took) < 3):
            begun = time.process_time()
            found = self._prepared(case)
            took.append((time.process_time() - begun) * 1e3)
        return min(took), found

    def _prepared(self, case: Case) -> Prepared | NotPrepared | str:
        try:
            return prepare(_query(case), GRANTS[case.grant], self._parsers)
        except YuneiError as error:
            if error.code in _ASKED:
                return error.code
            raise BrokenError(f"prepare ends with {error.code}") from None

    def _held(self, case: Case, found: Prepared | NotPrepared | str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the codes of a refusal, or the digests of what was allowed."""
        again = self._prepared(case)
        if isinstance(found, str):
            _hold("the same text gets the same answer", again == found)
            return (found,), ()
        if isinstance(found, NotPrepared):
            _hold("the same text gets the same answer", again == found)
            _check_findings(case.sql, found.findings)
            return tuple(dict.fromkeys(item.code for item in found.findings)), ()
        same = isinstance(again, Prepared) and (again.digest, again.notices) == (found.digest, found.notices)
        _hold("the same text gets the same answer", same)
        self._check_allowed(case, found)
        return (), (found.digest, found.governed.canonical_digest)

    def _check_allowed(self, case: Case, found: Prepared) -> None:
        self._allowed += 1
        for item in found.notices:
            _hold("a notice is of the catalogue", item.code in NOTICES and item.severity == "notice", item)
        _check_fixed_point(case, found)
        for engine, planned, core in _statements(found):
            seen = _DENIED.search(_STRING.sub("", f"{engine.sql} {core.relation}"))
            _hold("no denied column stands in generated SQL", seen is None, engine.sql)
            for connection in self._extracts[case.grant]:
                _check_run(engine, planned, core, connection)
        _check_meaning(case, found, self._extracts[case.grant][SUPPLIED])
        if self._allowed % NEIGHBOURS_EVERY == 0:
            self._check_neighbours(case, found)

    def _check_neighbours(self, case: Case, found: Prepared) -> None:
        draw = Draw(random.Random(case.sql), GRANTS[case.grant])
        try:
            for _ in neighbours._moves(draw, found.governed, found.plan, self._scratch, case.sql):
                pass
        except AssertionError as error:
            raise BrokenError("removing one unit moves no vector beyond its sensitivity", error) from None


def _query(case: Case) -> SubmittedQuery:
    return replace(submitted(case.sql, case.parameters), epsilon=case.epsilon)


def _cores(whole: Any) -> Sequence[Any]:
    """Return the cores of a query or of a plan; one that has no list of them is one itself."""
    return getattr(whole, "cores", (whole,))


def _statements(found: Prepared) -> Sequence[tuple[EngineSql, Any, Any]]:
    """Return each generated statement with its plan and with what it computes."""
    engine = found.engine if isinstance(found.engine, tuple) else (found.engine,)
    return list(zip(engine, _cores(found.plan), _cores(found.governed), strict=True))


def _hold(promise: str, kept: bool, detail: object = "") -> None:
    if not kept:
        raise BrokenError(promise, detail)


def _place(error: BaseException) -> str:
    """Return file and function of the innermost frame of ours."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "site-packages" not in frame.filename]
    return f"{Path(frames[-1].filename).name}:{frames[-1].name}" if frames else ""


def _check_findings(sql: str, findings: Sequence[Finding]) -> None:
    _hold("a refusal has findings", len(findings) > 0)
    for item in findings:
        kind = CATALOGUE.get(item.code)
        _hold("a finding is of the catalogue", kind is not None and item.severity == "error", item)
        texts = (item.rule, item.article, item.zh, item.en)
        _hold("a finding's texts are constant", kind is not None and texts == (kind.rule, kind.article, kind.zh, kind.en), item)
        _hold("a finding has a fix in both languages", item.fix is not None and bool(item.fix.zh and item.fix.en), item)
        _hold("a span lies in the text", item.span is None or 0 <= item.span.start < item.span.end <= len(sql), item)
        if item.span is not None:
            before = sql[: item.span.start].split("\n")
            _hold(
                "line and column are the span's", (item.span.line, item.span.column) == (len(before), len(before[-1]) + 1), item
            )
        named = {name.lower() for name in _DENIED.findall(item.object or "")}
        _hold("no denied column is named that was not written", all(name in sql.lower() for name in named), item)


def _check_fixed_point(case: Case, found: Prepared) -> None:
    canonical = found.governed.canonical_sql
    again = decide(_query(case.with_sql(canonical)), GRANTS[case.grant])
    _hold("the canonical text is allowed", isinstance(again, Allowed), f"{canonical} {again}")
    if isinstance(again, Allowed):
        _hold("the canonical text is a fixed point", again.governed.canonical_sql == canonical, canonical)
        pairs = zip(_statements(found), _cores(again.governed), strict=True)
        same = all(emit(core, planned.bounding).digest == engine.digest for (engine, planned, _), core in pairs)
        _hold("the canonical text means the same", same, canonical)


def _check_run(engine: EngineSql, planned: Any, core: Any, connection: duckdb.DuckDBPyConnection) -> None:
    try:
        exact = run({}, engine, connection, frozenset())
    except duckdb.Error as error:
        raise BrokenError(f"generated SQL fails on no data: {type(error).__name__}", f"{error}\n{engine.sql}") from None
    try:
        groups_of(planned, core, exact)
    except YuneiError:
        raise BrokenError("the wall lets a sound answer through", f"{exact.rows}\n{engine.sql}") from None


def _check_meaning(case: Case, found: Prepared, connection: duckdb.DuckDBPyConnection) -> None:
    """Let the engine read the text itself, which no service does: where it can, the canonical text must say the same to it."""
    if _LIMIT.search(_STRING.sub("", found.governed.canonical_sql)):
        return  # any rows may then be missing
    answers = []
    for text in (case.sql, found.governed.canonical_sql):
        named = set(_PARAMETER.findall(_STRING.sub("", text)))
        bound = {name: value for name, value in case.parameters.items() if name in named}
        try:
            answers.append(sorted(map(repr, connection.execute(text, bound or None).fetchall())))
        except duckdb.Error:
            return  # a cast or a sum that the service's own SQL makes total
    _hold("the canonical text means the same to the engine", answers[0] == answers[1], found.governed.canonical_sql)


def _engine() -> duckdb.DuckDBPyConnection:
    connection = open_engine()
    connection.execute("SET enable_external_access = false")
    return connection


def _extracts(grant: Grant) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield engines with nothing, with what supply lets through at its worst, and with what no declaration allows."""
    draw = Draw(random.Random("extracts"), grant)
    supplied = draw.tables()
    wild = {name: [_wilder(draw, row) for row in rows] for name, rows in draw.tables().items()}
    for tables in ({name: [] for name in SCHEMAS}, supplied, wild):
        connection = _engine()
        run(tables, EngineSql("SELECT 1", (), {}, ""), connection, frozenset(SCHEMAS))
        yield connection


def _wilder(draw: Draw, row: Row) -> Row:
    public = "resident_id" not in row  # the key of a public table is unique
    return {
        name: draw.pick(_WILD[name]) if name in _WILD and not public and draw.random.random() < 0.6 else cell
        for name, cell in row.items()
    }
