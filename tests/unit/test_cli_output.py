"""What commands print, and with which exit code they end."""

import json

import pytest

from sandbox.cli.exits import Exit, exit_of
from sandbox.cli.output import emit, finding_line, printable, report, report_defect, table
from sandbox.kernel.errors import CATALOGUE, YuneiError


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("POLICY_REFUSED", Exit.REFUSED),
        ("NOT_FOUND", Exit.REFUSED),
        ("BUDGET_SPENT", Exit.REFUSED),
        ("UNAUTHENTICATED", Exit.REFUSED),
        ("MALFORMED", Exit.UNUSABLE),
        ("APPLY_INVALID", Exit.UNUSABLE),
        ("DEFECT", Exit.FAULT),
        ("UNAVAILABLE", Exit.FAULT),
    ],
)
def test_exit_codes_are_closed(code: str, expected: Exit) -> None:
    assert exit_of(code) is expected


def test_no_refusal_looks_like_success() -> None:
    assert all(exit_of(code) is not Exit.DONE for code in CATALOGUE)


def test_errors_are_named_in_both_languages(capsys: pytest.CaptureFixture[str]) -> None:
    report(
        YuneiError("APPLY_INVALID", faults=[{"file": "a.yaml", "path": "[0].id", "rule": "ID_TWICE", "detail": "x"}]),
        as_json=False,
    )
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[0] == "APPLY_INVALID: 导入目录校验失败 / The directory to apply is not valid"
    assert "a.yaml [0].id: ID_TWICE" in err


def test_an_error_as_json_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    report(YuneiError("NOT_FOUND", object="x"), as_json=True)
    document = json.loads(capsys.readouterr().err)
    assert document == {
        "code": "NOT_FOUND",
        "titles": {"zh": CATALOGUE["NOT_FOUND"].zh, "en": CATALOGUE["NOT_FOUND"].en},
        "facts": {"object": "x"},
    }


def test_a_defect_tells_its_place_and_never_its_message(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise ValueError("司马金丝雀 110101199001011237")

    try:
        fail()
    except ValueError as error:
        report_defect(error, as_json=False)
    err = capsys.readouterr().err
    assert "ValueError" in err
    assert "test_cli_output.py:" in err
    assert "司马" not in err
    assert "1101" not in err


def test_text_from_elsewhere_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert printable("a\x1b[31m\x07\x9b1A\r\u202eb\n") == "a�[31m��1A��b\n"
    table(("name",), [("\x1b]0;x\x07",)])
    report(YuneiError("NOT_FOUND", object="\x1b[2J"), as_json=False)
    out, err = capsys.readouterr()
    assert "\x1b" not in out + err


def test_json_output_is_always_utf8(capsys: pytest.CaptureFixture[str]) -> None:
    emit({"id": "\ud800", "名": "值"}, one_line=True)
    out = capsys.readouterr().out
    assert out.encode("utf-8")
    assert json.loads(out) == {"id": "\ud800", "名": "值"}


def test_a_finding_is_one_line_with_place_and_advice() -> None:
    finding = {
        "code": "COLUMN_NOT_GRANTED",
        "span": {"line": 2, "column": 8},
        "message": {"zh": "未授权", "en": "not granted"},
        "fix": {"zh": "改", "en": "change", "sql": None},
    }
    assert finding_line(finding) == "2:8 COLUMN_NOT_GRANTED: 未授权 / not granted → 改 / change"
