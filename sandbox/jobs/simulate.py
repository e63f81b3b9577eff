"""What another version of a policy would have changed: past jobs judged twice, under the version in force and the proposed one.

Pure: who judges is given. Nothing is read but queries, and nothing is written.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from policies.query import SubmittedQuery
from sandbox.jobs.model import query_json
from sandbox.kernel.canonical import Json, digest

Codes = tuple[str, ...]
"""Why a query is refused, each code once; empty where it is allowed."""

Judge = Callable[[SubmittedQuery], Codes | None]
"""Judges one query under one version; None where it cannot be judged."""

Fate = Literal["same", "newly_refused", "newly_allowed", "not_replayed"]


@dataclass(frozen=True)
class PastJob:
    """A stored job, refused ones included. `query` is None where what is stored cannot be read any more.

    `canonical_digest` names the text of a query that was admitted, however it is laid out.
    """

    id: str
    query: SubmittedQuery | None
    canonical_digest: str | None


@dataclass(frozen=True)
class Outlook:
    """One past job under both versions."""

    job: str
    before: Codes | None
    after: Codes | None

    @property
    def fate(self) -> Fate:
        """What the proposed version would change for it; refused for other reasons is still refused."""
        if self.before is None or self.after is None:
            return "not_replayed"
        if bool(self.before) == bool(self.after):
            return "same"
        return "newly_refused" if self.after else "newly_allowed"

    def as_json(self) -> Json:
        """Return the outlook: codes before and after, none where allowed, null where it could not be judged."""
        before, after = (None if codes is None else list(codes) for codes in (self.before, self.after))
        return {"job": self.job, "fate": self.fate, "before": before, "after": after}


@dataclass(frozen=True)
class Simulation:
    """All past jobs that were judged, newest first; `stored` counts those that the agreement has in all."""

    outlooks: tuple[Outlook, ...]
    stored: int

    @property
    def fates(self) -> Mapping[str, int]:
        """How many jobs have each fate."""
        found = Counter(one.fate for one in self.outlooks)
        return {fate: found[fate] for fate in get_args(Fate)}

    @property
    def codes(self) -> Mapping[str, int]:
        """For how many newly refused jobs each code is a reason."""
        found = Counter(code for one in self.outlooks if one.fate == "newly_refused" for code in one.after or ())
        return dict(sorted(found.items()))

    @property
    def text(self) -> Mapping[str, str]:
        """The summary in one line."""
        fates, total = self.fates, len(self.outlooks)
        refused, allowed, lost = fates["newly_refused"], fates["newly_allowed"], fates["not_replayed"]
        of_zh, of_en = f"{total} 个历史作业", f"{total} past jobs"
        if self.stored > total:
            of_zh, of_en = f"最近 {total} 个历史作业 (共 {self.stored} 个)", f"the newest {total} of {self.stored} past jobs"
        zh, en = f"{of_zh}中有 {refused} 个将被拒绝", f"{refused} of {of_en} would now be refused"
        zh += f", {allowed} 个将被允许" if allowed else ""
        en += f", {allowed} would now be allowed" if allowed else ""
        zh += f", {lost} 个无法重新判定" if lost else ""
        en += f", {lost} cannot be judged again" if lost else ""
        return {"zh": zh, "en": en}

    def summary(self) -> dict[str, Json]:
        """Return the counts and the line."""
        counts: dict[str, Json] = {"total": len(self.outlooks), "stored": self.stored, **self.fates}
        return {**counts, "codes": dict(self.codes), "text": dict(self.text)}

    def as_json(self) -> dict[str, Json]:
        """Return the summary, and each job whose verdict or reasons would change or that could not be judged."""
        told = [one.as_json() for one in self.outlooks if one.before is None or one.before != one.after]
        return {**self.summary(), "jobs": told}


def simulate(jobs: Iterable[PastJob], in_force: Judge, proposed: Judge, stored: int) -> Simulation:
    """Judge every job under both versions; one question, however often it was asked and laid out, is judged once.

    Args:
        jobs: the past jobs, newest first.
        in_force: judges under the version in force.
        proposed: judges under the proposed version.
        stored: how many jobs there are in all.

    """
    known: dict[str, tuple[Codes | None, Codes | None]] = {}
    outlooks = []
    for job in jobs:
        if job.query is None:
            outlooks.append(Outlook(job.id, None, None))
            continue
        question = _question(job.query, job.canonical_digest)
        if question not in known:
            known[question] = in_force(job.query), proposed(job.query)
        outlooks.append(Outlook(job.id, *known[question]))
    return Simulation(tuple(outlooks), stored)


def _question(query: SubmittedQuery, canonical: str | None) -> str:
    """Name what is judged: the canonical text where there is one, with everything else on which a verdict rests."""
    text = {"sql": query.sql} if canonical is None else {"canonical": canonical}
    return digest({**query_json(query), "sql": text})
