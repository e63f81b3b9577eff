"""The documents on the page of policies are read, resolve, and pass their own cases."""

import re
from pathlib import Path

from policies.reasons import REASONS
from sandbox.jobs.cases import run_directory

PAGE = (Path(__file__).parents[2] / "docs/policies.md").read_text(encoding="utf-8")


def test_the_example_is_read_and_its_cases_pass(tmp_path: Path) -> None:
    blocks = re.findall(r"^```yaml\n# (\S+)\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
    assert [name for name, _ in blocks] == ["catalog/residents.yaml", "policies/income.yaml"]
    for name, text in blocks:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    outcomes = list(run_directory(tmp_path))
    assert len(outcomes) == 3
    assert [(outcome.place, outcome.found) for outcome in outcomes if not outcome.passed] == []


def test_the_fault_that_the_page_shows_exists() -> None:
    assert re.findall(r"`tables\.visits\.columns\.cost\.functions\.1: (\w+)`", PAGE) == ["FUNCTION_UNKNOWN"]
    assert "FUNCTION_UNKNOWN" in REASONS
