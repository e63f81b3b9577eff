"""The privacy budget as a ledger: scopes with their totals, entries with their life cycle, views. Frozen and exact."""

from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from fractions import Fraction
from typing import Literal

from egress.accounting import epsilon_of, terms_of
from sandbox.kernel.canonical import Json
from sandbox.kernel.roles import Role
from sandbox.kernel.states import Lifecycle, row

ScopeKind = Literal["agreement", "dataset"]

LEDGER_ENTRY = Lifecycle(
    "ledger_entry",
    "reserved",
    (
        row("reserved", "commit", "committed", Role.SYSTEM, "ledger.committed"),
        row("reserved", "release", "released", Role.SYSTEM, "ledger.released"),
    ),
)
"""A committed charge is final: data may have been touched. Only what never reached a sandbox is given back."""

_SHOWN = Decimal("0.000001")


@dataclass(frozen=True, order=True)
class Scope:
    """Whose loss is counted: one service agreement, or one unit kind in one data-set lineage over all agreements.

    A lineage stands for every snapshot, version and extract of a data set, so that a refresh renews nothing.
    """

    kind: ScopeKind
    name: str
    unit_kind: str = ""

    @property
    def id(self) -> str:
        """The key of the scope's row."""
        return f"{self.kind}/{self.unit_kind}/{self.name}"


@dataclass(frozen=True)
class Amount:
    """One point in the two columns of the ledger, exact."""

    rho: Fraction = Fraction(0)
    delta_tau: Fraction = Fraction(0)

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.rho + other.rho, self.delta_tau + other.delta_tau)

    def __sub__(self, other: "Amount") -> "Amount":
        return Amount(self.rho - other.rho, self.delta_tau - other.delta_tau)

    def within(self, other: "Amount") -> bool:
        """Tell whether neither column exceeds the other's."""
        return self.rho <= other.rho and self.delta_tau <= other.delta_tau


@dataclass(frozen=True)
class Account:
    """One scope's state. `jobs` counts its entries that are reserved or committed."""

    scope: Scope
    epsilon: Decimal
    delta: Decimal
    reserved: Amount = Amount()
    committed: Amount = Amount()
    jobs: int = 0

    @property
    def total(self) -> Amount:
        """What (ε, δ) buys, rounded down."""
        terms = terms_of(self.epsilon, self.delta)
        return Amount(terms.rho, terms.delta_tau)

    @property
    def held(self) -> Amount:
        """What is spent or spoken for."""
        return self.reserved + self.committed


@dataclass(frozen=True)
class Charge:
    """What one job costs, and in which scopes.

    Args:
        job: id of the job; it is charged once in its life.
        agreement: the service agreement.
        unit_kind: kind of privacy unit.
        lineages: lineages of all private data sets that the answer depends on, at least one.
        amount: exact cost, ρ > 0.
        job_limit: most jobs of the agreement's policy.
        tenants: organisations that may open the audit events of this charge.

    """

    job: str
    agreement: str
    unit_kind: str
    lineages: tuple[str, ...]
    amount: Amount
    job_limit: int
    tenants: tuple[str, ...] = ()

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """The agreement first, then each data set once, sorted: also the order in which rows are locked."""
        return scopes_of(self.agreement, self.unit_kind, self.lineages)


@dataclass(frozen=True)
class Entry:
    """A charge as it stands in the ledger."""

    charge: Charge
    state: str


@dataclass(frozen=True)
class AccountView:
    """What may be shown of one scope: (ε, δ) granted, spent and left. Spent is rounded up, left is what remains of ε.

    `spent` counts reservations, since they may still be committed.
    """

    account: Account

    @property
    def epsilon_spent(self) -> Decimal:
        """ε of all held charges composed, at the scope's δ_conv; more than was granted where the grant was lowered since."""
        account, terms = self.account, terms_of(self.account.epsilon, self.account.delta)
        spent = epsilon_of(account.held.rho, terms.delta_conv)
        shown = spent.quantize(_SHOWN, rounding=ROUND_CEILING) if spent else Decimal(0)
        return min(account.epsilon, shown) if account.held.rho <= terms.rho else shown

    @property
    def epsilon_left(self) -> Decimal:
        """What remains of ε. Charges add up in ρ, so many small queries cost less than this suggests: see `more`."""
        return max(Decimal(0), self.account.epsilon - self.epsilon_spent).quantize(_SHOWN, rounding=ROUND_FLOOR)

    def more(self, amount: Amount) -> int:
        """Return how many more charges of `amount` fit."""
        left = self.account.total - self.account.held
        fits = [left.rho // amount.rho] if amount.rho else []
        fits += [left.delta_tau // amount.delta_tau] if amount.delta_tau else []
        return max(0, min(fits, default=0))

    def as_json(self) -> Json:
        """Return the view as JSON of text and integers."""
        account, total = self.account, self.account.total
        return {
            "scope": account.scope.kind,
            "name": account.scope.name,
            "unit_kind": account.scope.unit_kind or None,
            "epsilon": format(account.epsilon, "f"),
            "delta": format(account.delta, "f"),
            "epsilon_spent": str(self.epsilon_spent),
            "epsilon_left": str(self.epsilon_left),
            "rho": str(total.rho),
            "rho_spent": str(account.committed.rho),
            "rho_reserved": str(account.reserved.rho),
            "delta_tau": str(total.delta_tau),
            "delta_tau_spent": str(account.committed.delta_tau),
            "delta_tau_reserved": str(account.reserved.delta_tau),
            "jobs": account.jobs,
        }


@dataclass(frozen=True)
class LedgerView:
    """What one agreement may see before it submits: its own account, and which data sets it would charge.

    The state of a data set's cap is not part of it: it would tell what other tenants asked.
    """

    agreement: AccountView | None
    unit_kind: str
    lineages: tuple[str, ...] = field(default=())

    def more(self, amount: Amount) -> int:
        """Return about how many more queries of this cost fit into the agreement's own budget."""
        return 0 if self.agreement is None else self.agreement.more(amount)

    def as_json(self) -> Json:
        """Return the view as JSON."""
        return {
            "agreement": None if self.agreement is None else self.agreement.as_json(),
            "unit_kind": self.unit_kind,
            "lineages": list(self.lineages),
        }


def scopes_of(agreement: str, unit_kind: str, lineages: tuple[str, ...]) -> tuple[Scope, ...]:
    """Return every scope that a query charges: the agreement, and each lineage that it joins."""
    datasets = (Scope("dataset", lineage, unit_kind) for lineage in sorted(set(lineages)))
    return (Scope("agreement", agreement), *datasets)
