"""The commands of the verification page do what the page says, on a real package."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from egress.release.verify import public_keys, verify
from tests.fakes_release import stage

PAGE = Path(__file__).parents[2] / "docs" / "verification.md"
TOOLS = ("openssl", "unzip", "sed", "base64", "sha256sum", "sh")


@pytest.mark.skipif(not all(map(shutil.which, TOOLS)), reason="a tool of the page is not installed")
def test_the_openssl_commands_verify_and_notice_a_change(tmp_path: Path) -> None:
    commands = re.search(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert commands is not None
    home, work = tmp_path / "town", tmp_path / "work"
    home.mkdir()
    work.mkdir()
    town = stage(home)
    package = town.releases.bundle(town.who("per-zhao"), town.released())
    (work / "release.zip").write_bytes(package)
    (work / "trust.json").write_text(json.dumps(public_keys(town.keys)))
    steps = len(verify(package, public_keys(town.keys)).steps)
    town.db.close()
    ran = subprocess.run(["sh", "-e", "-c", commands[1]], cwd=work, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout.splitlines()) == (0, ["Signature Verified Successfully", "data.csv is the signed one"]), (
        ran.stderr
    )
    changed = commands[1].replace("> message", "> message; printf x >> message")
    assert subprocess.run(["sh", "-e", "-c", changed], cwd=work, capture_output=True, check=False).returncode != 0
    assert steps == 10, "the page counts the steps"
    assert "ten steps" in PAGE.read_text()
