"""Catalog items and policies as files: YAML 1.2 in, validated models out, every fault with its file and place."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from policies.catalog import Catalog, CatalogItem
from policies.policy import Policy
from policies.reasons import REASONS, broken_places
from sandbox.kernel.canonical import Json
from sandbox.kernel.plain_yaml import MAX_BYTES, YamlRefusedError, read_yaml

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class DocumentFault:
    """One reason why a document cannot be read.

    Args:
        file: its name.
        path: leads to the value (`tables.visits.columns.cost.functions.1`), or names the line where there is no document.
        reason: a key of `policies.reasons.REASONS`.
        detail: names words that are allowed there, or codes; never what stood there.

    """

    file: str
    path: str
    reason: str
    detail: str = ""

    def as_json(self) -> Json:
        """Return the fault for a report, in the shape of a fault of `yunei apply`."""
        text = REASONS[self.reason]
        place = {"file": self.file, "path": self.path, "rule": self.reason, "detail": self.detail}
        return {**place, "title": {"zh": text.zh, "en": text.en}}


class DocumentRefusedError(Exception):
    """One or more documents cannot be read."""

    def __init__(self, faults: Iterable[DocumentFault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(f"{item.file}: {item.path}: {item.reason}" for item in self.faults))


def load_policy(path: Path) -> Policy:
    """Read one policy.

    Raises:
        DocumentRefusedError: the file is missing, is no plain YAML 1.2, or does not have the shape of a policy.

    """
    return _load(path, Policy)


def load_catalog(path: Path) -> Catalog:
    """Read a catalog: one item in one file, or a folder of such files.

    Raises:
        DocumentRefusedError: as `load_policy`; also where two files declare one table, or a folder holds none.

    """
    files = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
    if not files:
        raise DocumentRefusedError([DocumentFault(path.name, "", "CATALOG_EMPTY")])
    items: dict[str, CatalogItem] = {}
    faults: list[DocumentFault] = []
    for file in files:
        try:
            item = _load(file, CatalogItem)
        except DocumentRefusedError as error:
            faults.extend(error.faults)
            continue
        if item.table in items:
            faults.append(DocumentFault(file.name, "table", "TABLE_TWICE"))
        items[item.table] = item
    if faults:
        raise DocumentRefusedError(faults)
    return Catalog(items=items)


def document_faults(file: str, document: object, error: ValidationError) -> tuple[DocumentFault, ...]:
    """Return where and why a document that was read does not have its shape."""
    found = broken_places(document, error)
    return tuple(DocumentFault(file, ".".join(map(str, one.place)), one.reason, ", ".join(one.allowed)) for one in found)


def _load(path: Path, model: type[M]) -> M:
    try:
        document = read_yaml(_content(path))
    except OSError:
        raise DocumentRefusedError([DocumentFault(path.name, "", "FILE_UNREADABLE")]) from None
    except YamlRefusedError as error:
        line = f"line {error.line}" if error.line else ""
        raise DocumentRefusedError([DocumentFault(path.name, line, error.rule)]) from None
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise DocumentRefusedError(document_faults(path.name, document, error)) from None


def _content(path: Path) -> bytes:
    """Read no more than shows that the file is too large."""
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)
