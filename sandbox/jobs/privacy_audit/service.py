"""The empirical audit: every case through compiler, plan, sandbox and protection, many times, and what an attacker can prove.

The exact tables of two neighbouring data sets are computed once each, in a sandbox; what is drawn anew for every release is
the noise, since nothing else of a release is random.
"""

import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np

from egress.accounting import epsilon_of
from egress.exact import Key, groups_of
from egress.mechanisms import check_composition
from egress.model import CorePlan, Primitives, ProtectionPlan
from egress.plan import plan
from egress.protect import noised
from egress.recompute import recompute
from policies.decide import decide
from policies.engine.emit import emit
from policies.query import Allowed, Core, GovernedQuery
from sandbox.isolation.port import IsolationRuntime, RunFailed
from sandbox.jobs.privacy_audit.attack import Numbers, Shown, bounds, interval, project
from sandbox.jobs.privacy_audit.cases import Case
from sandbox.jobs.privacy_audit.world import Tables, grant, neighbours, submitted, written
from sandbox.kernel.canonical import Json
from sandbox.kernel.errors import YuneiError
from sandbox.kernel.run import ExactTable, RunSpec

SAMPLE_KEY = bytes(range(32))
Exact = tuple[ExactTable, ...]


@dataclass(frozen=True)
class Audited:
    """What one case claims and what was shown against it: all bounds are lower ones at confidence 1 - 10^-6.

    `delta`: that a threshold lets a lone unit show; both are 0 with public keys. `disagreements`: claims of the plan that do
    not hold when they are derived again.
    """

    name: str
    runs: int
    claimed_epsilon: Decimal
    claimed_rho: Fraction
    claimed_delta: Fraction
    shown: Shown
    shown_delta: float
    disagreements: tuple[str, ...]
    cpu_s: float

    @property
    def passed(self) -> bool:
        """Whether nothing was shown beyond its claim."""
        within = self.shown.epsilon <= self.claimed_epsilon and self.shown.rho <= self.claimed_rho
        return within and self.shown_delta <= self.claimed_delta and not self.disagreements

    def as_json(self) -> Json:
        """Return the finding as JSON of integers and text."""
        return {
            "case": self.name,
            "runs": self.runs,
            "epsilon": {"claimed": str(self.claimed_epsilon), "shown": f"{self.shown.epsilon:.4f}"},
            "rho": {"claimed": f"{float(self.claimed_rho):.6f}", "shown": f"{self.shown.rho:.6f}"},
            "delta": {"claimed": f"{float(self.claimed_delta):.3e}", "shown": f"{self.shown_delta:.3e}"},
            "disagreements": list(self.disagreements),
            "cpu_s": f"{self.cpu_s:.1f}",
            "passed": self.passed,
        }


def planned(case: Case) -> tuple[GovernedQuery, ProtectionPlan]:
    """Compile and plan a case.

    Raises:
        YuneiError: `DEFECT`, it is refused; every case is one that is answered.

    """
    verdict = decide(submitted(case.sql), grant(capped=case.capped))
    found = plan(verdict.governed, None) if isinstance(verdict, Allowed) else None
    if not isinstance(verdict, Allowed) or not isinstance(found, ProtectionPlan):
        raise YuneiError("DEFECT")
    return verdict.governed, found


def exact_tables(runtime: IsolationRuntime, query: GovernedQuery, found: ProtectionPlan, made: Tables) -> Exact:
    """Return the engine's answers over one data set.

    Raises:
        YuneiError: the run's code.

    """
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        refs = {ref.table: ref for ref in written(made, Path(folder) / "extracts")}
        answers = []
        for core, bounded in zip(query.cores, found.cores, strict=True):
            outcome = runtime.start(_spec(core, bounded, tuple(refs[name] for name in sorted(core.tables)))).result()
            if isinstance(outcome, RunFailed):
                raise YuneiError(outcome.code)
            answers.append(outcome.table)
    return tuple(answers)


def _spec(core: Core, bounded: CorePlan, extracts: tuple[object, ...]) -> RunSpec:
    engine = emit(core, bounded.bounding)
    parameters = {**engine.parameters, **({"sample_key": SAMPLE_KEY} if engine.keyed else {})}
    return RunSpec("job-privacy-audit", 1, engine.sql, extracts, engine.columns, parameters)  # type: ignore[arg-type]


def audited(case: Case, runs: int, runtime: IsolationRuntime) -> Audited:
    """Audit one case with `runs` releases on either side."""
    begun = time.process_time()
    query, found = planned(case)
    pair = tuple(exact_tables(runtime, query, found, made) for made in neighbours(case.unit, case.others))
    shown, delta = attacked(query, found, pair, runs)
    return Audited(
        name=case.name,
        runs=runs,
        claimed_epsilon=epsilon_of(found.rho, found.delta_conv),
        claimed_rho=found.rho,
        claimed_delta=found.delta_tau,
        shown=shown,
        shown_delta=delta,
        disagreements=recompute(found.as_json()).disagreements,  # type: ignore[arg-type]
        cpu_s=time.process_time() - begun,
    )


def attacked(query: GovernedQuery, found: ProtectionPlan, pair: Sequence[Exact], runs: int) -> tuple[Shown, float]:
    """Return what `runs` releases of each of two neighbours show: bounds on ε and ρ, and on the chance that a lone unit shows."""
    present, absent = (list(_releases(query, found, tables, runs)) for tables in pair)
    if found.tau is None:
        chosen = [
            part.role == "quantile"
            for bounded, core in zip(found.cores, present[0], strict=True)
            for _ in core
            for part in bounded.parts
        ]
        return bounds(*project(_vectors(present), _vectors(absent), chosen), float(found.delta_conv)), 0.0
    known = _keys_of(pair[1])
    lone = sum(bool(_keys(release) - known) for release in present)
    groups = [np.array([[float(len(_keys(release)))] for release in releases]) for releases in (present, absent)]
    return bounds(*project(groups[0], groups[1], [False]), float(found.delta_conv + found.delta_tau)), interval(lone, runs)[0]


def _releases(query: GovernedQuery, found: ProtectionPlan, tables: Exact, runs: int) -> Iterator[tuple[Primitives, ...]]:
    """Yield the noisy integers of independent releases, from which the released table follows; see `egress.protect.protect`."""
    check_composition(found)
    cores = list(zip(found.cores, query.cores, tables, strict=True))
    checked = [(bounded, groups_of(bounded, core, table)) for bounded, core, table in cores]
    for _ in range(runs):
        yield tuple(noised(bounded, groups) for bounded, groups in checked)


def _vectors(releases: Sequence[Sequence[Primitives]]) -> Numbers:
    lines = ([value for core in release for _, values in core for value in values] for release in releases)
    return np.array(list(lines), dtype=np.float64)


def _keys(release: Sequence[Primitives]) -> set[tuple[int, Key]]:
    return {(place, key) for place, core in enumerate(release) for key, _ in core}


def _keys_of(tables: Exact) -> set[tuple[int, Key]]:
    """Return the groups of the exact tables."""
    found = set()
    for place, table in enumerate(tables):
        columns = [column for column, spec in enumerate(table.columns) if spec.role == "key"]
        found |= {(place, tuple(line[column] for column in columns)) for line in table.rows}
    return found
