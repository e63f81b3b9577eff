"""What commands print: one JSON document with `--json`, plain tables without; errors go to stderr, never a traceback."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from sandbox.kernel.canonical import Json
from sandbox.kernel.errors import YuneiError

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]

_NESTED_CHARS = 160
_PIPE_WIDTH = 200
"""Columns of a table that no terminal shows."""


def emit(document: Json, *, one_line: bool = False) -> None:
    """Print one JSON document on stdout."""
    text = json.dumps(document, ensure_ascii=False, indent=None if one_line else 2) + "\n"
    # a lone surrogate has no UTF-8 form; its backslash spelling is also its JSON escape
    sys.stdout.write(text.encode("utf-8", "backslashreplace").decode())
    sys.stdout.flush()


def line(text: str) -> None:
    """Print one line on stdout."""
    sys.stdout.write(printable(text) + "\n")


def write(data: bytes, output: Path | None) -> None:
    """Write bytes to a file, or to stdout where none is named.

    Raises:
        YuneiError: `MALFORMED`, the file cannot be written.

    """
    if output is None:
        sys.stdout.buffer.write(data)
        return
    try:
        output.write_bytes(data)
    except OSError:
        raise YuneiError("MALFORMED", options=["--output"]) from None


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table on stdout."""
    view = Table(*columns, box=None, header_style="bold", pad_edge=False, show_header=any(columns))
    for row in rows:
        view.add_row(*(printable("" if cell is None else str(cell)) for cell in row))
    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    Console(markup=False, highlight=False, emoji=False, width=width).print(view)


def facts(document: Mapping[str, Json]) -> None:
    """Print a document as two columns; nested parts as JSON, shortened: the whole of them is what `--json` is for."""
    table(("", ""), ((name, short(value)) for name, value in document.items()))


def short(value: Json) -> str:
    """Write a value in one cell; the whole of it is what `--json` is for."""
    if value is None or isinstance(value, str):
        return value or ""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _NESTED_CHARS else text[:_NESTED_CHARS] + "…"


def rows_of(page: Mapping[str, Json], *fields: str) -> list[tuple[object, ...]]:
    """Return these fields of each item of a page."""
    items = page.get("items")
    found = items if isinstance(items, (list, tuple)) else ()
    return [tuple(item.get(field) for field in fields) for item in found if isinstance(item, Mapping)]


def printable(text: str) -> str:
    """Replace what could steer a terminal: every control character but newline and tab."""
    return "".join(char if char.isprintable() or char in "\n\t" else "�" for char in text)


def report(error: YuneiError, *, as_json: bool) -> None:
    """Print an error on stderr: code, titles in both languages, facts."""
    if as_json:
        document = {"code": error.code, "titles": {"zh": error.kind.zh, "en": error.kind.en}, "facts": error.facts}
        sys.stderr.write(json.dumps(document, ensure_ascii=False, indent=2) + "\n")
        return
    sys.stderr.write(f"{error.code}: {error.kind.zh} / {error.kind.en}\n")
    for text in _fact_lines(error.facts):
        sys.stderr.write(printable(f"  {text}") + "\n")


def report_defect(error: BaseException, *, as_json: bool) -> None:
    """Print that this program failed: the kind of failure and its place, never its message, which may carry data."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = "" if place is None else f"{Path(place.tb_frame.f_code.co_filename).name}:{place.tb_lineno}"
    report(YuneiError("DEFECT", kind=type(error).__name__, place=where), as_json=as_json)


def _fact_lines(found: Mapping[str, Json]) -> Iterable[str]:
    for name, value in found.items():
        if name == "faults" and isinstance(value, (list, tuple)):
            yield from (_fault_line(fault) for fault in value if isinstance(fault, Mapping))
        elif name == "findings" and isinstance(value, (list, tuple)):
            yield from (finding_line(finding) for finding in value if isinstance(finding, Mapping))
        else:
            yield f"{name}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"


def _fault_line(fault: Mapping[str, Json]) -> str:
    place = " ".join(str(fault[name]) for name in ("file", "path") if fault.get(name))
    return f"{place}: {fault['rule']}: {titles(fault.get('title'))} {fault.get('detail', '')}".rstrip()


def finding_line(finding: Mapping[str, Json]) -> str:
    """Write a finding as its place, code, message in both languages and advice."""
    span = finding.get("span")
    place = f"{span['line']}:{span['column']} " if isinstance(span, Mapping) else ""
    fix = finding.get("fix")
    advice = f" → {titles(fix)}" if isinstance(fix, Mapping) else ""
    return f"{place}{finding['code']}: {titles(finding.get('message'))}{advice}"


def titles(value: Json) -> str:
    """Write constant texts in both languages."""
    return f"{value['zh']} / {value['en']}" if isinstance(value, Mapping) else ""
