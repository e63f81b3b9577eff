"""Documents on disk: a grant from catalog and policy, and queries from JSON fields."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path

from policies.documents import load_catalog, load_policy
from policies.grant import Grant
from policies.policy import Policy
from policies.query import Refused, SubmittedQuery, Tuning
from policies.resolve import resolve
from sandbox.kernel.canonical import Json
from sandbox.kernel.run import Parameter


def load_grant(catalog: Path, policy: Path) -> Grant | Refused:
    """Read a catalog (file or folder) and a policy, and resolve them.

    Raises:
        DocumentRefusedError: a document cannot be read.

    """
    return resolve(load_policy(policy), load_catalog(catalog))


def submitted(policy: Policy, fields: Mapping[str, Json]) -> SubmittedQuery:
    """Return the query that JSON fields stand for; what is absent is the policy's own.

    Raises:
        TypeError, ValueError: a field has a wrong type or an unknown name.

    """
    unknown = set(fields) - {"id", "agreement", "purpose", "environment", "sql", "parameters", "epsilon", "caps", "weights"}
    if unknown:
        raise ValueError("unknown field")
    parameters = fields.get("parameters") or {}
    if not isinstance(parameters, Mapping):
        raise TypeError("parameters must be an object")
    environment = fields.get("environment", policy.environment[0])
    if environment not in ("dev", "prod"):
        raise ValueError("unknown environment")
    return SubmittedQuery(
        _text(fields.get("agreement", policy.agreement)),
        _text(fields.get("purpose", policy.purpose[0])),
        "prod" if environment == "prod" else "dev",
        _text(fields["sql"]) if "sql" in fields else _text(None),
        {name: typed_parameter(value) for name, value in parameters.items()},
        None if fields.get("epsilon") is None else _text(fields["epsilon"]),
        Tuning(**_whole_numbers(fields.get("caps")), weights=_whole_numbers(fields.get("weights"))),
    )


def _whole_numbers(value: Json) -> dict[str, int]:
    numbers = {} if value is None else value
    if not isinstance(numbers, Mapping) or not all(type(number) is int and number > 0 for number in numbers.values()):
        raise TypeError("caps and weights must be objects of positive whole numbers")
    return {name: number for name, number in numbers.items() if isinstance(number, int)}


def typed_parameter(value: Json) -> Parameter:
    """Return a parameter from JSON: booleans, integers and text as they are, `{"date": …}` and `{"decimal": …}` typed.

    Raises:
        TypeError, ValueError: it is none of these.

    """
    if isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, Mapping) and len(value) == 1:
        ((kind, text),) = value.items()
        if kind == "date":
            return date.fromisoformat(_text(text))
        if kind == "decimal":
            return Decimal(_text(text))
    raise TypeError("unknown kind of parameter")


def _text(value: Json) -> str:
    if not isinstance(value, str):
        raise TypeError("text expected")
    return value
