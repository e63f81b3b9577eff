"""One text to try, with what goes with it, and what came of it: the lines between the lane and its checker."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any

from sandbox.kernel.run import Parameter

_MARKS: Mapping[str, Any] = {"decimal": Decimal, "date": date.fromisoformat}


@dataclass(frozen=True)
class Case:
    """A text under one of the grants, with parameters for its `$names` and the ε that is asked."""

    sql: str
    grant: int = 0
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    epsilon: str | None = None

    def with_sql(self, sql: str) -> "Case":
        """Return the same case with another text."""
        return replace(self, sql=sql)

    def as_json(self) -> dict[str, Any]:
        """Return the case as JSON; decimals and dates carry their type."""
        return {**asdict(self), "parameters": {name: _plain(value) for name, value in self.parameters.items()}}

    @classmethod
    def read(cls, line: Mapping[str, Any]) -> "Case":
        """Read what `as_json` made."""
        parameters = {name: _typed(value) for name, value in line["parameters"].items()}
        return cls(line["sql"], line["grant"], parameters, line["epsilon"])


@dataclass(frozen=True)
class Outcome:
    """What came of one case.

    `codes` are empty for an allowed text. `failure` names the promise that was broken and where, so that one defect has
    one name; `detail` is for people. `digest` covers everything that was decided.
    """

    codes: tuple[str, ...] = ()
    cpu_ms: float = 0.0
    failure: str | None = None
    detail: str = ""
    digest: str = ""

    @property
    def allowed(self) -> bool:
        """Whether the text was allowed and kept every promise."""
        return not self.codes and self.failure is None

    @classmethod
    def read(cls, line: Mapping[str, Any]) -> "Outcome":
        """Read what the checker wrote."""
        return cls(**{**line, "codes": tuple(line["codes"])})


def _plain(value: Parameter) -> Any:
    if isinstance(value, Decimal):
        return {"decimal": str(value)}
    return {"date": value.isoformat()} if isinstance(value, date) else value


def _typed(value: Any) -> Parameter:
    if not isinstance(value, Mapping):
        return value  # type: ignore[no-any-return]
    ((mark, text),) = value.items()
    return _MARKS[mark](text)  # type: ignore[no-any-return]
