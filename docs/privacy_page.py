"""The page `privacy.md`: its text is in `privacy.template.md`, every number in it is computed here from the code that runs."""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from egress.accounting import rho_of, scale_for, terms_of
from egress.allocation import CONFIDENCE, cheapest
from egress.mechanisms import SLACK
from egress.model import CorePlan, Part
from egress.recompute import total
from egress.strategies import AS_GOOD
from egress.tails import gap, half_width, tau_for
from policies.query import MOST_BINS, Bounding

Layout = Callable[[Sequence[str], Iterable[Sequence[str]]], str]
TEMPLATE = Path(__file__).with_name("privacy.template.md")
DELTA = Decimal("1e-8")


def _costs() -> Iterable[Sequence[str]]:
    for epsilon in ("0.1", "0.5", "1", "2", "4"):
        rho = rho_of(Decimal(epsilon), Fraction(DELTA) / 2)
        noise, scale = cheapest(1, 1, rho)
        yield epsilon, f"{float(rho):.3g}", f"{float(scale):.1f}", str(half_width(noise, scale, CONFIDENCE))


def _thresholds() -> Iterable[Sequence[str]]:
    share = terms_of(Decimal(8), DELTA).delta_tau
    for groups in (1, 5, 20):
        found = []
        for epsilon in ("0.5", "1", "2"):
            rho = rho_of(Decimal(epsilon), Fraction(DELTA) / 2)
            noise, scale = cheapest(groups, groups, rho / 2)
            found.append(str(tau_for(noise, scale, groups, share * rho / rho_of(Decimal(8), Fraction(DELTA) / 2), 2)))
        yield (str(groups), *found)


def _ranks() -> Iterable[Sequence[str]]:
    for rows in (1, 10, 50):
        found = []
        for epsilon in ("0.5", "1", "2"):
            scale = scale_for("exponential", rows, rows**2, rho_of(Decimal(epsilon), Fraction(DELTA) / 2))
            found.append(str(-(-gap(scale, MOST_BINS, CONFIDENCE) // 2)))
        yield (str(rows), *found)


def _many() -> Iterable[Sequence[str]]:
    """Compose equal counts: what the ledger says, and what loss distributions say."""
    rho = rho_of(Decimal("0.5"), Fraction(DELTA) / 2)
    noise, scale = cheapest(1, 1, rho)
    part = Part("n", "rows", 0, 1, 1, 1, noise, scale, rho, half_width=0)
    core = CorePlan(
        "c0", Bounding("one_row", 1, 1, 1, sample=False, centres=(0,), units=False, values=1), (part,), None, 1
    ).as_json()
    plan = {"cores": [core], "epsilon": "0.5", "delta": str(DELTA), "delta_conv": str(Fraction(DELTA) / 2), "rho": str(rho)}
    for number in (1, 10, 50):
        spent = total([{**plan, "delta_tau": "0"}] * number, Fraction(DELTA) / 2)  # type: ignore[list-item]
        yield str(number), f"{number * 0.5:g}", f"{spent.epsilon_zcdp:.2f}", f"{spent.epsilon_pld:.2f}"


def text(made: Layout) -> str:
    """Fill the template; `made` lays out a Markdown table."""
    found = {
        "as_good": f"{AS_GOOD - 1:.0%}",
        "bins": str(MOST_BINS),
        "slack": f"2^-{SLACK.denominator.bit_length() - 1}",
        "delta": f"{DELTA:f}",
        "costs": made(("ε", "ρ", "σ", "95 % half-width"), _costs()),
        "thresholds": made(("L0", "ε = 0.5", "ε = 1", "ε = 2"), _thresholds()),
        "ranks": made(("M", "ε = 0.5", "ε = 1", "ε = 2"), _ranks()),
        "many": made(("queries", "Σε", "ε of Σρ", "ε by loss distributions"), _many()),
    }
    filled = TEMPLATE.read_text(encoding="utf-8")
    for name, value in found.items():
        if filled.count(f"{{{name}}}") != 1:
            raise ValueError(name)
        filled = filled.replace(f"{{{name}}}", value.rstrip("\n"))
    return filled
