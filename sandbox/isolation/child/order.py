"""What the supervisor orders from one sandbox, as it crosses the process border: length-prefixed JSON, typed."""

import json
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

Value = bool | int | str | date | Decimal | bytes

_READERS: Mapping[str, Any] = {
    "bool": lambda text: text == "true",
    "int": int,
    "str": str,
    "date": date.fromisoformat,
    "decimal": Decimal,
    "bytes": bytes.fromhex,
}


@dataclass(frozen=True)
class Table:
    """One extract: the view's name, where the file is, and the identity that the verified file had."""

    name: str
    path: str
    device: int
    inode: int
    size: int
    mtime_ns: int


@dataclass(frozen=True)
class Order:
    """One run.

    `identity` is the uid to become when the zygote is root; None keeps the present one. `place` is the directory to make
    for a job without a root of its own; the supervisor removes it should the guard not come to it.
    """

    layers: frozenset[str]
    identity: int | None
    tables: tuple[Table, ...]
    place: str
    sql: str
    parameters: Mapping[str, Value] = field(repr=False)
    columns: tuple[tuple[str, str, str], ...]
    limits: Mapping[str, float]
    probe: Mapping[str, Any] | None = None

    def limit(self, name: str) -> int:
        """Return the limit `name` as a whole number."""
        return int(self.limits[name])


def read(descriptor: int) -> Order:
    """Read one order from `descriptor`.

    Raises:
        ValueError: where the length prefix and the body disagree.

    """
    with os.fdopen(descriptor, "rb") as stream:
        stream.seek(0)
        (length,) = struct.unpack(">Q", stream.read(8))
        body = stream.read()
    if len(body) != length:
        raise ValueError("length prefix and body disagree")
    return decode(json.loads(body))


def decode(document: Mapping[str, Any]) -> Order:
    """Return the order that `document` spells; an unknown type name raises KeyError."""
    return Order(
        layers=frozenset(document["layers"]),
        identity=document["identity"],
        tables=tuple(Table(**line) for line in document["tables"]),
        place=document["place"],
        sql=document["sql"],
        parameters={name: _READERS[kind](text) for name, (kind, text) in document["parameters"].items()},
        columns=tuple((name, role, kind) for name, role, kind in document["columns"]),
        limits=document["limits"],
        probe=document.get("probe"),
    )
