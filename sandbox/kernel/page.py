"""Keyset pages: a list of items and the key after which the next page begins."""

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    """One page; `next` is None on the last."""

    items: tuple[T, ...]
    next: str | None
