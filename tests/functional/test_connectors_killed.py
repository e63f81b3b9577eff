"""An apply killed at any of its steps: the same command again brings everything in, once, and reads nothing twice."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import select

from connectors.intake import MANIFEST
from connectors.store import snapshots
from sandbox.jobs.apply import apply
from tests.apply_directory import open_site, write_directory

STEPS = ["ingest 1", "ingest 2", "rows 1", "register 1", "build 1", "extract 1", "rows 2", "build 2"]
"""What the apply was told last when it was killed: the n-th begin of a step, or the n-th rows done."""

KILLED = """
import os, signal, sys
from pathlib import Path
from collections import Counter
from connectors.progress import Progress
from sandbox.jobs.apply import apply
from tests.apply_directory import open_site

class Death(Progress):
    def __init__(self, step):
        self.step, self.told = step, Counter()

    def tell(self, what):
        self.told[what] += 1
        if f"{what} {self.told[what]}" == self.step:
            os.kill(os.getpid(), signal.SIGKILL)

    def begin(self, step, subject, rows=None):
        self.tell(step)

    def done(self, rows):
        self.tell("rows")

site = open_site(Path(sys.argv[1]))
apply(site, Path(sys.argv[2]), "system", Death(sys.argv[3]))
"""


@pytest.mark.parametrize("step", STEPS)
def test_an_apply_killed_at_a_step_is_done_by_the_next(tmp_path: Path, step: str) -> None:
    directory = write_directory(tmp_path / "dir")
    arguments = [sys.executable, "-c", KILLED, str(tmp_path), str(directory), step]
    died = subprocess.run(arguments, check=False, capture_output=True)
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()[-500:]

    raw = tmp_path / "var" / "raw" / "residents"
    taken = [path.parent.name for path in raw.glob(f"[!.]*/{MANIFEST}")]
    site = open_site(tmp_path)
    apply(site, directory, "system")
    whole = open_site(tmp_path / "undisturbed")
    apply(whole, directory, "system")
    with site.db.read() as tx:
        registered = list(tx.execute(select(snapshots.c.id)).scalars())
    assert len(registered) == 1
    assert taken in ([], registered), "what was whole on disk is what is registered"
    assert (step in {"ingest 1", "ingest 2", "rows 1"}) == (taken == [])
    kinds = [sorted(kind for kind, _ in one.events()) for one in (site, whole)]
    assert kinds[0] == kinds[1], "every event once"
    assert apply(site, directory, "system").changed == {}
    for one in (site, whole):
        one.supply.vault.opening.close()
        one.db.close()
