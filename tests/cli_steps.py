"""Commands as somebody at a terminal gives them, for the tests of every group."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sandbox.cli import main
from tests.apply_directory import CANARY


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    def document(self) -> Any:
        return json.loads(self.out)


Caller = Callable[..., Ended]


def caller(directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Caller:
    """Return what runs one command with data below `directory`; no traceback and no planted value may be printed."""
    for name in ("YUNEI_TOKEN", "YUNEI_TOKEN_FILE", "YUNEI_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("YUNEI_DATA_DIR", str(directory / "var"))

    def call(*arguments: object, stdin: str = "") -> Ended:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        with pytest.raises(SystemExit) as ended:
            main.run([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        assert CANARY not in out + err
        return Ended(int(ended.value.code or 0), out, err)

    return call
