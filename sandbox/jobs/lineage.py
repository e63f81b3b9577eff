"""Lineage both ways: source snapshot → workspace → job → release → recipient, and back, with columns."""

from collections.abc import Iterable
from typing import Literal

from sandbox.jobs import store
from sandbox.jobs.model import Job
from sandbox.jobs.parts import Parts
from sandbox.kernel.canonical import Json
from sandbox.kernel.db import Transaction
from sandbox.kernel.errors import YuneiError
from tenants.model import Principal

Direction = Literal["up", "down"]


class Graph:
    """Nodes and edges in order of discovery; the same node or edge stands once."""

    def __init__(self) -> None:
        self._nodes: dict[str, dict[str, Json]] = {}
        self._edges: dict[tuple[str, str], dict[str, Json]] = {}

    def node(self, name: str, kind: str, **facts: Json) -> str:
        """Add a node and return its name."""
        self._nodes.setdefault(name, {"id": name, "kind": kind, **facts})
        return name

    def edge(self, source: str, target: str) -> None:
        """Add an edge along the flow of data."""
        self._edges.setdefault((source, target), {"from": source, "to": target})

    def as_json(self) -> Json:
        """Return the graph."""
        return {"nodes": list(self._nodes.values()), "edges": list(self._edges.values())}


class LineageService:
    """Traces what an object was made from (`up`) and what was made from it (`down`)."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def trace(self, principal: Principal, start: str, direction: Direction) -> Json:
        """Return the part of the graph above or below `start` that the caller may see.

        Args:
            principal: operators and application entities see their own jobs and releases, institutions what read their
                tables, supervision everything.
            start: id of a release, job, workspace or snapshot.
            direction: `up` towards the source, `down` towards the recipient.

        Raises:
            YuneiError: `NOT_FOUND`.

        """
        graph = Graph()
        with self._parts.db.read() as tx:
            source = self._parts.supply.snapshot_table(tx, start) if start.startswith("snp-") else None
            found = self._jobs_of(tx, start)
            jobs = [job for job in found if _sees(principal, job) and (source is None or source in _tables(job))]
            if not jobs:
                raise YuneiError("NOT_FOUND")
            for job in jobs:
                if direction == "up":
                    self._above(tx, graph, job, release=start.startswith("rel-"))
                else:
                    self._below(graph, job, start)
        return graph.as_json()

    def _jobs_of(self, tx: Transaction, start: str) -> Iterable[Job]:
        match start.partition("-")[0]:
            case "job":
                found = store.by_id(tx, start)
            case "rel":
                found = store.by_release(tx, start)
            case "ext":
                return store.by_workspace(tx, start)
            case "snp":
                spaces = self._parts.supply.workspaces_of(tx, start)
                return [job for space in spaces for job in store.by_workspace(tx, space)]
            case _:
                found = None
        return () if found is None else (found,)

    def _above(self, tx: Transaction, graph: Graph, job: Job, *, release: bool) -> None:
        made = _job_node(graph, job)
        if release and job.release is not None:
            graph.edge(made, _release_node(graph, job))
        if job.workspace is None:
            return
        space = graph.node(job.workspace, "workspace", environment=job.environment)
        graph.edge(space, made)
        read = _tables(job)
        for source in self._parts.supply.sources(tx, job.workspace):
            if source.table in read and source.snapshot is not None:
                origin = graph.node(source.snapshot, "snapshot", table=source.table, institution=read[source.table])
                graph.edge(origin, space)

    def _below(self, graph: Graph, job: Job, start: str) -> None:
        made = _job_node(graph, job)
        if start.startswith(("ext-", "snp-")) and job.workspace is not None:
            space = graph.node(job.workspace, "workspace", environment=job.environment)
            graph.edge(space, made)
            if start != space:
                graph.edge(graph.node(start, "snapshot"), space)
        if job.release is None:
            return
        release = _release_node(graph, job)
        graph.edge(made, release)
        recipient = job.operator if job.environment == "dev" else job.application
        graph.edge(release, graph.node(recipient, "recipient"))


def _job_node(graph: Graph, job: Job) -> str:
    return graph.node(job.id, "job", state=job.state, agreement=job.agreement, purpose=job.query.purpose)


def _release_node(graph: Graph, job: Job) -> str:
    origin = job.origin if isinstance(job.origin, dict) else {}
    return graph.node(str(job.release), "release", columns=origin.get("columns", []))


def _tables(job: Job) -> dict[str, str]:
    """Return table → institution of everything the job read."""
    origin = job.origin if isinstance(job.origin, dict) else {}
    found = origin.get("tables", [])
    return (
        {str(use["table"]): str(use["institution"]) for use in found if isinstance(use, dict)} if isinstance(found, list) else {}
    )


def _sees(principal: Principal, job: Job) -> bool:
    match principal.kind:
        case "authority" | "auditor":
            return True
        case "operator":
            return job.operator == principal.organisation
        case "application":
            return job.application == principal.organisation and job.state == "released" and job.environment == "prod"
        case "institution":
            return principal.organisation in _tables(job).values()
        case _:
            return False
