"""The picture of a dry run: one line per column, the same bytes each time, and clear refusals."""

import json
import re
from pathlib import Path
from typing import Any, Self
from xml.etree import ElementTree as ET

import pytest
from click.testing import Result
from typer.testing import CliRunner

from sandbox.cli import plot, sql
from sandbox.kernel.errors import YuneiError

CURVE = [
    {
        "epsilon": "0.25",
        "expected_error": {
            "人数": {"standard_error": "8", "half_width": "16"},
            "q": {"rank_half_width": 90, "bin_width": "2"},
            "m": None,
        },
    },
    {
        "epsilon": "0.5",
        "expected_error": {
            "人数": {"standard_error": "4", "half_width": "8"},
            "q": {"rank_half_width": 45, "bin_width": "2"},
            "m": None,
        },
    },
]
VERDICT = {"allowed": True, "preview": {"curve": CURVE}}


def test_every_column_with_a_known_error_has_a_line() -> None:
    assert plot.lines_of(VERDICT) == {"人数": [(0.25, 16.0), (0.5, 8.0)], "q": [(0.25, 90.0), (0.5, 45.0)]}
    assert plot.lines_of({"allowed": False}) == {}


def test_the_picture_is_a_real_svg_with_one_line_per_column(tmp_path: Path) -> None:
    first, second = tmp_path / "a.svg", tmp_path / "b.svg"
    plot.draw(plot.lines_of(VERDICT), first)
    plot.draw(plot.lines_of(VERDICT), second)
    assert first.read_bytes() == second.read_bytes()
    root = ET.fromstring(first.read_text("utf-8"))  # noqa: S314 - our own file
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert {node.get("id") for node in root.iter()} >= {"line0", "line1"}
    assert "人数" in first.read_text("utf-8")


def test_a_png_is_a_png(tmp_path: Path) -> None:
    plot.draw(plot.lines_of(VERDICT), tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


@pytest.mark.parametrize("name", ["a.pdf", "a", "a.SVG"])
def test_another_form_is_refused_before_anything_is_asked(tmp_path: Path, name: str) -> None:
    with pytest.raises(YuneiError, match="MALFORMED"):
        plot.check_target(tmp_path / name)


def test_without_the_extra_the_refusal_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plot, "find_spec", lambda _: None)
    with pytest.raises(YuneiError) as refusal:
        plot.check_target(tmp_path / "a.svg")
    assert refusal.value.facts["install"] == "yunei[plot]"


def test_nothing_to_draw_and_nowhere_to_write_are_refused(tmp_path: Path) -> None:
    for lines, file in (({}, tmp_path / "a.svg"), (plot.lines_of(VERDICT), tmp_path / "no" / "a.svg")):
        with pytest.raises(YuneiError, match="MALFORMED"):
            plot.draw(lines, file)


class Service:
    """Answers a dry run and nothing else: any other request has no method here."""

    def __init__(self, verdict: dict[str, Any]) -> None:
        self.verdict, self.asked = verdict, 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def check(self, _: object) -> dict[str, Any]:
        self.asked += 1
        return self.verdict


def checked(service: Service, file: Path, monkeypatch: pytest.MonkeyPatch) -> Result:
    monkeypatch.setattr(sql, "connect", lambda _: service)
    words = ["check", "-a", "agr-a", "--purpose", "p", "--sql", "SELECT 1", "--json", "--plot", str(file)]
    return CliRunner().invoke(sql.app, words)


def test_the_command_draws_from_one_dry_run_and_the_svg_has_as_many_lines_as_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, file = Service(VERDICT), tmp_path / "a.svg"
    ended = checked(service, file, monkeypatch)
    assert (ended.exit_code, service.asked, json.loads(ended.stdout)) == (0, 1, VERDICT)
    ids = [node.get("id", "") for node in ET.fromstring(file.read_text("utf-8")).iter()]  # noqa: S314 - our own file
    assert [one for one in ids if re.fullmatch(r"line\d+", one)] == ["line0", "line1"]


def test_a_picture_that_cannot_be_drawn_hides_no_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    verdict = {"allowed": True, "preview": {"curve": [{"epsilon": "1", "expected_error": {"m": None}}]}}
    ended = checked(Service(verdict), tmp_path / "a.svg", monkeypatch)
    assert json.loads(ended.stdout) == verdict
    assert isinstance(ended.exception, YuneiError)


def test_a_refused_query_has_no_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = checked(Service({"allowed": False}), tmp_path / "a.svg", monkeypatch)
    assert ended.exit_code != 0
    assert not list(tmp_path.iterdir())
