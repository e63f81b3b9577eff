"""Catalog items and policies as files: YAML 1.2 in, validated models out, every fault with its file and place."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from policies.catalog import Catalog, CatalogItem
from policies.policy import Policy
from sandbox.kernel.canonical import Json
from sandbox.kernel.plain_yaml import YamlRefusedError, read_yaml

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class DocumentFault:
    """One reason why a document cannot be read: `path` leads to the value, `reason` is of our own constant texts."""

    file: str
    path: str
    reason: str

    def as_json(self) -> Json:
        """Return the fault for a report."""
        return {"file": self.file, "path": self.path, "reason": self.reason}


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
        raise DocumentRefusedError([DocumentFault(path.name, "", "no catalog item")])
    items: dict[str, CatalogItem] = {}
    faults: list[DocumentFault] = []
    for file in files:
        try:
            item = _load(file, CatalogItem)
        except DocumentRefusedError as error:
            faults.extend(error.faults)
            continue
        if item.table in items:
            faults.append(DocumentFault(file.name, "table", "declared twice"))
        items[item.table] = item
    if faults:
        raise DocumentRefusedError(faults)
    return Catalog(items=items)


def _load(path: Path, model: type[M]) -> M:
    try:
        document = read_yaml(path.read_bytes())
    except OSError:
        raise DocumentRefusedError([DocumentFault(path.name, "", "cannot be read")]) from None
    except YamlRefusedError as error:
        raise DocumentRefusedError([DocumentFault(path.name, f"line {error.line}", error.rule)]) from None
    try:
        return model.model_validate(document)
    except ValidationError as error:
        found = [DocumentFault(path.name, ".".join(map(str, item["loc"])), item["msg"]) for item in error.errors()]
        raise DocumentRefusedError(found) from None
