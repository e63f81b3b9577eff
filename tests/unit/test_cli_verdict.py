"""How a dry run reads in a terminal."""

import pytest

from sandbox.cli.verdict import show

PREVIEW = {
    "cost": {"epsilon": "0.5"},
    "curve": [
        {"epsilon": "0.25", "expected_error": {"n": {"half_width": "8"}}},
        {"epsilon": "0.5", "expected_error": {"n": {"half_width": "4"}}},
    ],
    "tau": 31,
    "more": 7,
}


def test_the_outlook_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    show({"allowed": True, "findings": [], "preview": PREVIEW})
    printed = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert printed == [
        "allowed",
        "at ε = 0.25: n: half_width 8",
        "at ε = 0.5: n: half_width 4",
        "a group shows from about 31 units",
        "about 7 more queries of this cost fit the budget",
    ]


@pytest.mark.parametrize("verdict", [{"allowed": False, "findings": []}, {"allowed": True, "findings": [], "preview": None}])
def test_without_an_outlook_none_is_printed(capsys: pytest.CaptureFixture[str], verdict: dict[str, object]) -> None:
    show(verdict)
    assert len(capsys.readouterr().out.splitlines()) == 1
