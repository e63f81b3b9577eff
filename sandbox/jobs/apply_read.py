"""Reads a directory to apply: every file known, every document in shape; all faults at once, nothing applied."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from policies.catalog import CatalogItem
from policies.policy import Policy
from policies.reasons import Broken, broken_places
from sandbox.jobs.apply_model import (
    AgreementEntry,
    BudgetEntry,
    Canary,
    Declaration,
    Fault,
    OrganisationEntry,
    PersonEntry,
    Placed,
)
from sandbox.kernel.plain_yaml import YamlRefusedError, read_yaml

T = TypeVar("T")

LISTS = ("organisations.yaml", "people.yaml", "agreements.yaml", "budgets.yaml", "canaries.yaml")
FOLDERS: Mapping[str, tuple[str, ...]] = {
    "catalog": (".yaml",),
    "policies": (".yaml",),
    "data": (".parquet", ".csv"),
    "signatures": (".sig",),
}
"""Everything a directory may hold, with file endings; beside these only `*.md` and `*.txt` for people. Below `data` the files of
one table may lie in a folder of its name."""

REQUIRED = frozenset({"organisations.yaml", "catalog"})


class Reader:
    """Reads one directory and gathers faults on the way."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.faults: list[Fault] = []

    def read(self) -> Declaration:
        """Return what could be read; it is only meant to be used where `faults` is empty."""
        self._look_for_strangers()
        return Declaration(
            organisations=self._list("organisations.yaml", OrganisationEntry),
            people=self._list("people.yaml", PersonEntry),
            items=self._folder("catalog", CatalogItem),
            agreements=self._list("agreements.yaml", AgreementEntry),
            policies=self._folder("policies", Policy),
            budgets=self._list("budgets.yaml", BudgetEntry),
            canaries=tuple(entry.value.root for entry in self._list("canaries.yaml", Canary)),
            data=self._data(),
        )

    def _look_for_strangers(self) -> None:
        """Refuse what no part reads: a misspelt folder would silently declare nothing."""
        for path in sorted(self._directory.rglob("*")):
            name = path.relative_to(self._directory)
            folder = FOLDERS.get(name.parts[0])
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                self.faults.append(Fault(str(name), "", "FILE_NOT_PLAIN"))
            elif not _expected(name, folder, is_folder=path.is_dir()):
                self.faults.append(Fault(str(name), "", "FILE_UNKNOWN"))

    def _list(self, name: str, kind: type[T]) -> tuple[Placed[T], ...]:
        path = self._directory / name
        if not path.is_file():
            if name in REQUIRED:
                self.faults.append(Fault(name, "", "FILE_MISSING"))
            return ()
        lines = self._shaped(name, self._document(name), list[object])
        if lines is None:
            return ()
        read = [(i, self._shaped(name, line, kind, f"[{i}]")) for i, line in enumerate(lines)]
        return tuple(Placed(name, f"[{i}]", value) for i, value in read if value is not None)

    def _folder(self, name: str, kind: type[T]) -> tuple[Placed[T], ...]:
        files = sorted(f"{name}/{path.name}" for path in (self._directory / name).glob("*.yaml"))
        if not files and name in REQUIRED:
            self.faults.append(Fault(name, "", "FILE_MISSING"))
        read = [(file, self._shaped(file, self._document(file), kind)) for file in files]
        return tuple(Placed(file, "", value) for file, value in read if value is not None)

    def _data(self) -> Mapping[str, Path]:
        found: dict[str, Path] = {}
        for path in sorted((self._directory / "data").glob("*")):
            if path.stem in found:
                self.faults.append(Fault(f"data/{path.name}", "", "DATA_TWICE"))
            found[path.stem] = path
        return found

    def _document(self, name: str) -> object:
        """Read one YAML file; where it is refused the fault is noted and the document is `_Unread`."""
        path = self._directory / name
        if path.is_symlink():  # noted as a stranger already; never followed
            return _Unread
        try:
            return read_yaml(path.read_bytes())
        except YamlRefusedError as refusal:
            line = f"line {refusal.line}" if refusal.line else ""
            self.faults.append(Fault(name, line, refusal.rule))
        return _Unread

    def _shaped(self, file: str, document: object, kind: type[T], prefix: str = "") -> T | None:
        if document is _Unread:
            return None
        try:
            return TypeAdapter(kind).validate_python(document)
        except ValidationError as error:
            self.faults.extend(_fault(file, prefix, one) for one in broken_places(document, error))
        return None


def plain_files(directory: Path) -> Iterator[Path]:
    """Yield, relative to `directory`, every plain file of those that it may hold."""
    for path in sorted(directory.rglob("*")):
        name = path.relative_to(directory)
        if path.is_file() and not path.is_symlink() and _expected(name, FOLDERS.get(name.parts[0]), is_folder=False):
            yield name


class _Unread:
    """Stands for a document that was refused."""


def _expected(name: Path, endings: Sequence[str] | None, *, is_folder: bool) -> bool:
    if is_folder:
        return endings is not None and (len(name.parts) == 1 or _is_table(name))
    if len(name.parts) == 1:
        return name.name in LISTS or name.suffix in {".md", ".txt"}
    placed = len(name.parts) == 2 or _is_table(name.parent)
    return placed and endings is not None and name.suffix in endings


def _is_table(name: Path) -> bool:
    """Tell whether this is where the files of one table lie together."""
    return len(name.parts) == 2 and name.parts[0] == "data" and not name.suffix


def _fault(file: str, prefix: str, one: Broken) -> Fault:
    allowed = f" ({', '.join(one.allowed)})" if one.allowed else ""
    detail = f"{one.reason}: {one.text.zh} / {one.text.en}{allowed}"
    return Fault(file, prefix + _place(one.place, prefix), "SHAPE", detail)


def _place(location: tuple[int | str, ...], prefix: str) -> str:
    """Write a place in a document as `tables.visits.columns` or `[2].roles[0]`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in location)
    return text if prefix else text.lstrip(".")
