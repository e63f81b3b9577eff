"""What is left of privacy budgets, for whoever may know it."""

from sandbox.jobs.parts import Parts
from sandbox.kernel.canonical import Json
from sandbox.kernel.db import Transaction
from sandbox.kernel.errors import YuneiError
from tenants.model import Principal


class BudgetService:
    """Shows an operator its own agreements, an institution its own data sets, supervision everything."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def view(self, principal: Principal) -> Json:
        """Return `{agreements: […], datasets: […]}` within the caller's sight.

        The cap of a data set sums over all tenants, so its state is shown to its institution and to supervision only.

        Raises:
            YuneiError: `NOT_FOUND`, nothing of this is the caller's business.

        """
        with self._parts.db.read() as tx:
            match principal.kind:
                case "operator":
                    return {"agreements": self._agreements(tx, principal), "datasets": []}
                case "institution":
                    return {"agreements": [], "datasets": self._datasets(tx, self._own_lineages(tx, principal))}
                case "authority" | "auditor":
                    return {"agreements": self._agreements(tx, principal), "datasets": self._datasets(tx, None)}
                case _:
                    raise YuneiError("NOT_FOUND")

    def _agreements(self, tx: Transaction, principal: Principal) -> list[Json]:
        named = [agreement.id for agreement in self._parts.tenants.agreements(tx, principal)]
        found = [self._parts.ledger.agreement(tx, name) for name in named]
        return [account.as_json() for account in found if account is not None]

    def _datasets(self, tx: Transaction, lineages: frozenset[str] | None) -> list[Json]:
        return [account.as_json() for account in self._parts.ledger.datasets(tx, lineages)]

    def _own_lineages(self, tx: Transaction, principal: Principal) -> frozenset[str]:
        items = self._parts.catalog.items(tx).items.values()
        return frozenset(item.lineage for item in items if item.institution == principal.organisation)
