"""The records of a CSV file with the lines they stand on: for naming and setting aside what does not fit. Slow beside the engine.

The engine reads a file that fits; this reader is for one that does not, since the engine counts records and not lines.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

LONGEST_LINE = 2_000_000
"""Bytes of a record at most, as for the engine."""

csv.field_size_limit(LONGEST_LINE)  # of the whole process; the header is read by the same reader


@dataclass(frozen=True)
class Record:
    """One record: its first line (from 1, the header's), how many lines, its bytes as supplied and its fields; none if empty."""

    line: int
    lines: int
    text: bytes
    fields: tuple[str, ...]

    def is_row(self, columns: int) -> bool:
        """Whether it stands for a row: an empty line does so in a table of one column alone, where it is NULL."""
        return bool(self.fields) or columns == 1

    def holds(self, columns: int) -> bool:
        """Whether it has a field per column; as for the engine, commas at its end may stand for nothing."""
        beyond = max(len(self.fields), 1) - columns
        return beyond == 0 or (beyond > 0 and self.text.rstrip(b"\r\n").endswith(b"," * beyond))


class MalformedError(Exception):
    """From some line on the file is no CSV: what follows cannot be told apart. Keeps the rule and the line, no text."""

    def __init__(self, rule: str, line: int) -> None:
        super().__init__(rule)
        self.rule = rule
        self.line = line


def records(path: Path) -> Iterator[Record]:
    """Yield every record of the file, header and empty lines included.

    Raises:
        MalformedError: `ENCODING`, `LINE_TOO_LONG`, `QUOTING`, `STRUCTURE` (a carriage return within a line).

    """
    with path.open("rb") as file:
        lines = _Lines(file)
        reader = csv.reader(lines, strict=True, skipinitialspace=True)  # the engine passes over spaces before a quote
        while True:
            begin = lines.count + 1
            try:
                fields = next(reader, None)
            except csv.Error:
                bare = b"\r" in lines.last.rstrip(b"\r\n")
                raise MalformedError("STRUCTURE" if bare else "QUOTING", begin) from None
            if fields is None:
                return
            yield Record(begin, lines.count + 1 - begin, lines.taken(), tuple(fields))


class _Lines:
    """Hands out decoded lines and keeps the bytes of those not yet taken."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._held: list[bytes] = []
        self._size = 0
        self.count = 0

    @property
    def last(self) -> bytes:
        return self._held[-1] if self._held else b""

    def taken(self) -> bytes:
        """Return the bytes handed out since the last call."""
        text, self._held, self._size = b"".join(self._held), [], 0
        return text

    def __iter__(self) -> Iterator[str]:
        while line := self._file.readline(LONGEST_LINE + 1):
            self._size += len(line)
            if self._size > LONGEST_LINE:
                raise MalformedError("LINE_TOO_LONG", self.count + 1 - len(self._held))
            self._held.append(line)
            self.count += 1
            try:
                yield line.decode("utf-8-sig" if self.count == 1 else "utf-8")
            except UnicodeDecodeError:
                raise MalformedError("ENCODING", self.count) from None


class Sink(Protocol):
    """Takes bytes."""

    def write(self, data: bytes, /) -> int: ...  # noqa: D102 - the type says it


def split(path: Path, columns: int, clean: Sink) -> list[int]:
    """Copy header and records that hold a field per column to `clean`, as supplied, and return the lines of the others.

    A record of several lines that does not hold its columns may have swallowed others by an open quote: `QUOTING`.

    Raises:
        MalformedError: as `records` does.

    """
    odd: list[int] = []
    for record in records(path):
        if not record.is_row(columns) or record.holds(columns):
            clean.write(record.text)
        elif record.lines > 1:
            raise MalformedError("QUOTING", record.line)
        else:
            odd.append(record.line)
    return odd
