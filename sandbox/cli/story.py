"""The story that the demo plays over HTTP, act by act; each act asserts what it shows and fails the demo otherwise."""

import io
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from sandbox.client import Client
from sandbox.jobs.model import JOB
from sandbox.kernel.errors import YuneiError
from sandbox.kernel.objects import ObjectStore

AGREEMENT, PURPOSE = "agr-clinic-usage", "public_health_planning"

COUNT_SQL = """\
SELECT district AS 区县, gender AS 性别, count(DISTINCT resident_id) AS 人数
FROM residents
GROUP BY district, gender"""

AVERAGE_SQL = """\
SELECT h.tier AS 等级, r.gender AS 性别, avg(v.cost) AS 费用, count(*) AS 次数
FROM visits AS v
JOIN residents AS r ON v.resident_id = r.resident_id
JOIN hospitals AS h ON v.hospital = h.hospital
WHERE h.tier IN ('一级', '二级', '三级') AND r.gender IN ('女', '男')
GROUP BY h.tier, r.gender"""

REFUSED_SQL = "SELECT name, count(*) AS n FROM residents GROUP BY name"

ANALYST, AUTHORITY = "per-an", "per-li"
VOTERS = {"count": ("per-ning", AUTHORITY), "average": ("per-ning", "per-wang")}
"""The delegate of each institution whose data was used, and at least two people."""
RECIPIENT, STRANGER, AUDITOR = "per-zhao", "per-sun", "per-zhou"
CAST = (ANALYST, "per-ning", "per-wang", AUTHORITY, RECIPIENT, STRANGER, AUDITOR)


class StoryError(Exception):
    """The service did not do what it promises; the text names the act."""


@dataclass
class Scene:
    """What the acts share: who speaks, where things are, what has happened so far."""

    console: Console
    people: Mapping[str, Client]
    data_dir: Path
    out: Path
    trust: Path
    releases: dict[str, str] = field(default_factory=dict)

    def analyst(self) -> Client:
        """The operator's analyst."""
        return self.people[ANALYST]

    def say(self, text: str) -> None:
        """Print one line of the story."""
        self.console.print(f"    {text}", highlight=False)


def query(sql: str, environment: str) -> dict[str, Any]:
    """Return the body of a check or a job."""
    return {"agreement": AGREEMENT, "purpose": PURPOSE, "environment": environment, "sql": sql, "parameters": {}}


def demand(holds: object, act: str) -> None:
    """Fail the demo unless `holds`."""
    if not holds:
        raise StoryError(act)


def refusal(call: Callable[[], object]) -> str:
    """Return the code with which a call is refused; fail the demo where it is not."""
    try:
        call()
    except YuneiError as error:
        return error.code
    raise StoryError("nothing was refused")


def dry_run(scene: Scene) -> None:
    """The analyst asks what both queries would cost; no row is read."""
    for name, sql in (("count", COUNT_SQL), ("average", AVERAGE_SQL)):
        verdict = cast("dict[str, Any]", scene.analyst().check(query(sql, "prod")))
        demand(verdict["allowed"], "dry run")
        protection = verdict["protection"]
        scene.say(f"{name}: allowed, ε = {protection['epsilon']}, route {verdict['review']['route']}; expected error per column:")
        for column, error in protection["expected_error"].items():
            scene.say(f"  {column}: {json.dumps(error, ensure_ascii=False)}")


def refused(scene: Scene) -> None:
    """A column that was not granted is refused with its place, its rule, its article and advice."""
    verdict = cast("dict[str, Any]", scene.analyst().check(query(REFUSED_SQL, "prod")))
    demand(not verdict["allowed"], "refusal")
    for found in verdict["findings"]:
        span = found["span"]
        place = REFUSED_SQL[span["start"] : span["end"]] if span else ""
        scene.say(f"{found['code']} at “{place}”, {found['article']}: {found['message']['zh']} / {found['message']['en']}")
        scene.say(f"  → {found['fix']['zh']} / {found['fix']['en']}")


def develop(scene: Scene) -> None:
    """Both queries run in dev on a synthetic twin, for free, and are promoted by the hash of their canonical text."""
    code = refusal(lambda: scene.analyst().submit(query(COUNT_SQL, "prod")))
    scene.say(f"in prod before promotion: {code}")
    jobs = [scene.analyst().submit(query(sql, "dev")) for sql in (COUNT_SQL, AVERAGE_SQL)]
    for job in jobs:
        done = scene.analyst().wait(str(job["id"]), JOB.final, 60)
        demand(done["state"] == "released", f"dev job ended {done['state']} {done['code']}")
        promoted = scene.analyst().promote(str(job["id"]))
        scene.say(f"promoted {str(promoted['canonical_digest'])[:23]}…")


def compute(scene: Scene) -> None:
    """Both queries run on the real extracts, isolated and protected, and wait for review."""
    jobs = {name: scene.analyst().submit(query(sql, "prod")) for name, sql in (("count", COUNT_SQL), ("average", AVERAGE_SQL))}
    for name, job in jobs.items():
        seen = [str(event["type"]) for event in _until(scene.analyst(), str(job["id"]), "review")]
        scene.say(f"{name}: {' → '.join(seen)}")
        scene.releases[name] = str(scene.analyst().job(str(job["id"]))["review"])


def _until(client: Client, job: str, last: str) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    for event in client.job_events(job):
        found.append(event)
        if event["type"] == last:
            return found
        demand(event["type"] not in JOB.final, f"job ended as {event['type']}")
    raise StoryError("progress ended early")


def vote(scene: Scene) -> None:
    """The submitting side may not vote; the owners of the data and the authority decide about the exact bytes."""
    for name, request in list(scene.releases.items()):
        code = refusal(lambda request=request: scene.analyst().vote(request, "approve", "", '"x"'))  # type: ignore[misc]
        scene.say(f"{name}: the submitter's own vote: {code}")
        for person in VOTERS[name]:
            _, etag = scene.people[person].review(request)
            scene.people[person].vote(request, "approve", "", etag)
            scene.say(f"{name}: {person} approved {etag[:24]}…")


def release(scene: Scene) -> None:
    """The application entity finds its releases; another entity finds nothing."""
    recipient = scene.people[RECIPIENT]
    jobs = cast("list[dict[str, Any]]", scene.analyst().jobs()["items"])
    for name, request in list(scene.releases.items()):
        job = next(found["id"] for found in jobs if found["review"] == request)
        scene.releases[name] = str(scene.analyst().wait(job, JOB.final, 30)["release"])
        table = pq.read_table(io.BytesIO(recipient.content(scene.releases[name], "parquet")))
        scene.console.print(_shown(name, table))
        (scene.out / f"{name}.csv").write_bytes(recipient.content(scene.releases[name], "csv"))
    code = refusal(lambda: scene.people[STRANGER].content(scene.releases["count"], "csv"))
    scene.say(f"another entity asks for the same release: {code} (404)")
    demand(code == "NOT_FOUND", "another entity's 404")


def _shown(name: str, table: Any) -> Table:
    shown = Table(title=name, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in table.schema:
        numeric = not pa.types.is_string(column.type)
        shown.add_column(column.name, justify="right" if numeric else "left", no_wrap=True)
    for line in table.to_pylist()[:20]:
        shown.add_row(*("" if cell is None else str(cell) for cell in line.values()))
    return shown


def budget(scene: Scene) -> None:
    """What was spent, what is left; asking the same again costs nothing."""
    before = _account(scene)
    job = scene.analyst().submit(query(COUNT_SQL, "prod"))
    demand(job["state"] == "released", "answer memory")
    demand(job["release"] == scene.releases["count"], "answer memory")
    after = _account(scene)
    demand(before["rho_spent"] == after["rho_spent"], "the same question was charged twice")
    scene.say(f"ε spent {after['epsilon_spent']}, left {after['epsilon_left']} of {after['epsilon']} (δ = {after['delta']})")
    scene.say("the same query again: same release, no charge")


def _account(scene: Scene) -> dict[str, Any]:
    accounts = cast("list[dict[str, Any]]", scene.analyst().budgets()["agreements"])
    return next(account for account in accounts if account["name"] == AGREEMENT)


def check_offline(scene: Scene) -> None:
    """Anyone with the package and the public keys verifies it; with one bit flipped it fails."""
    bundle = scene.people[RECIPIENT].bundle(scene.releases["average"])
    package, tampered = scene.out / "average.zip", scene.out / "tampered.zip"
    package.write_bytes(bundle)
    middle = len(bundle) // 2
    tampered.write_bytes(bundle[:middle] + bytes([bundle[middle] ^ 1]) + bundle[middle + 1 :])
    for path, status in ((package, 0), (tampered, 1)):
        command = ["verify", str(path), "--trust", str(scene.trust)]
        scene.say(f"yunei {' '.join(command)}")
        done = subprocess.run([sys.executable, "-m", "sandbox.cli.main", *command], capture_output=True, text=True, check=False)  # noqa: S603 - our own module
        scene.say(done.stdout.strip().replace("\n", "\n    "))
        demand(done.returncode == status, "offline verification")
    tampered.unlink()


def replay(scene: Scene) -> None:
    """The auditor derives the released number again, step by step."""
    report = _replayed(scene)
    for step in report["steps"]:
        scene.say(f"{step['step']} {step['name']}: {step['verdict']} {step['reason']}")
    scene.say(f"overall: {report['overall']}")
    demand(report["overall"] == "reproduced", "replay")


def tamper(scene: Scene) -> None:
    """Somebody with access to the disk changes one stored byte; the replay finds it, and it is put back."""
    manifest = cast("dict[str, Any]", scene.people[AUDITOR].manifest(scene.releases["average"]))
    stored = ObjectStore(scene.data_dir / "objects").path(_csv_digest(manifest))
    whole = stored.read_bytes()
    stored.write_bytes(whole[:-2] + bytes([whole[-2] ^ 1]) + whole[-1:])
    try:
        report = _replayed(scene)
        code = refusal(lambda: scene.people[RECIPIENT].content(scene.releases["average"], "csv"))
    finally:
        stored.write_bytes(whole)
    bad = [step["name"] for step in report["steps"] if step["verdict"] == "fail"]
    scene.say(f"one stored byte changed: replay {report['overall']} at {', '.join(bad)}; download refused: {code}")
    demand(report["overall"] == "diverged" and bad == ["delivery"], "tampering was not found")


def _replayed(scene: Scene) -> dict[str, Any]:
    made = scene.people[AUDITOR].replay(scene.releases["average"])
    done = scene.people[AUDITOR].wait_replay(str(made["id"]), 60)
    return cast("dict[str, Any]", done["report"])


def _csv_digest(manifest: Mapping[str, Any]) -> str:
    subjects = manifest["statement"]["subject"]
    return "sha256:" + next(str(found["digest"]["sha256"]) for found in subjects if found["name"].endswith(".csv"))


ACTS: tuple[Callable[[Scene], None], ...] = (
    dry_run,
    refused,
    develop,
    compute,
    vote,
    release,
    budget,
    check_offline,
    replay,
    tamper,
)
"""The acts in order; the first sentence of each docstring is its title."""
