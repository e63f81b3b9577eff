"""Where a defect is kept: its smallest text as it is, and everything that is needed to try it again."""

import json
import re
import sys
from pathlib import Path

from tests.fuzz.case import Case, Outcome

FOLDER = Path(__file__).parents[2] / "var" / "fuzz"


def say(*lines: str) -> None:
    """Print lines at once, whoever listens."""
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def keep(outcome: Outcome, small: Case, first: Case, origin: str) -> None:
    """Write one defect below `FOLDER` and print it."""
    failure = outcome.failure or ""
    stem = re.sub(r"[^a-z0-9]+", "-", failure.lower()).strip("-")[:60]
    FOLDER.mkdir(parents=True, exist_ok=True)
    kept = {"failure": failure, "detail": outcome.detail, "origin": origin, "case": small.as_json(), "first": first.as_json()}
    (FOLDER / f"{stem}.json").write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    (FOLDER / f"{stem}.sql").write_bytes(small.sql.encode("utf-8", "surrogatepass"))
    say(f"DEFECT: {failure} ({origin})", f"  {small.sql[:2000]!r}", f"  {outcome.detail[:400]}")
