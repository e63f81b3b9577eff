"""House rules that no linter knows: sizes and names of files, and stores as the only place of SQL tables."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("sandbox", "policies", "tenants", "connectors", "egress")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py") if "versions" not in path.parts)
SCRIPTS = sorted([*(ROOT / "benchmarks").rglob("*.py"), *(ROOT / "docs").glob("*.py"), *(ROOT / "tests").rglob("*.py")])


@pytest.mark.parametrize("path", MODULES + SCRIPTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_file_is_longer_than_400_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_function_is_longer_than_40_lines(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    assert [node.name for node in functions if node_lines(node) > 40] == []


def node_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function's body without its docstring."""
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_no_file_is_named_for_nothing_in_particular() -> None:
    assert [path for path in MODULES if re.fullmatch(r"(utils?|helpers?|managers?|handlers?|misc|common)", path.stem)] == []


def test_only_stores_speak_to_the_database_library() -> None:
    seeing = {
        path.relative_to(ROOT).as_posix()
        for path in MODULES
        if re.search(r"^\s*(from|import) (sqlalchemy|alembic)\b", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    }
    allowed = {name for name in seeing if name.endswith("/store.py") or name == "sandbox/kernel/db.py" or "/migrations/" in name}
    assert seeing - allowed == set()
