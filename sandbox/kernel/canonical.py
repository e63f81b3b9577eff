"""One canonical form for everything that is hashed, signed or logged: RFC 8785 JSON."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import cast

import rfc8785

Json = None | bool | int | str | Sequence["Json"] | Mapping[str, "Json"]


def canonical_bytes(value: Json) -> bytes:
    """Return the RFC 8785 bytes of `value`.

    Numbers must be integers within ±(2^53 - 1); decimals and fractions travel as text, so that nothing is rounded.

    Raises:
        TypeError: a float was found; floats never enter evidence.

    """
    _refuse_floats(value)
    return rfc8785.dumps(cast("dict[str, object]", value))  # type: ignore[arg-type]


def digest(value: Json) -> str:
    """Return `sha256:<hex>` of the canonical bytes of `value`."""
    return digest_bytes(canonical_bytes(value))


def digest_bytes(data: bytes) -> str:
    """Return `sha256:<hex>` of `data`."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _refuse_floats(value: object) -> None:
    if isinstance(value, float):
        raise TypeError("a float may not enter canonical JSON")
    if isinstance(value, Mapping):
        for item in value.values():
            _refuse_floats(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _refuse_floats(item)
