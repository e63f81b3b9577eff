"""What supply keeps and hands out: snapshots of source tables, extracts of an agreement, commitments for outside. Pure."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from policies.catalog import CatalogItem
from policies.policy import Environment
from sandbox.kernel.canonical import Json, canonical_bytes, digest
from sandbox.kernel.run import ExtractRef

NONCE_BYTES = 32


@dataclass(frozen=True)
class Snapshot:
    """One version of a source table in canonical Parquet.

    `declaration_digest` is of what decided how the files were read, `source_digest` of the files as supplied, `digest` of the
    canonical file, `path` is relative to the data directory. All of these and the row count stay inside the domain; outside, a
    snapshot is its random `id` and its commitment.
    """

    id: str
    table: str
    item_version: int
    declaration_digest: str
    source_digest: str
    path: str
    digest: str
    rows: int
    nonce: bytes
    created: str


@dataclass(frozen=True)
class TableExtract:
    """One table of a workspace in final form. `snapshot` is None for a synthetic twin, which has no source."""

    table: str
    snapshot: str | None
    path: str
    digest: str
    rows: int
    nonce: bytes


@dataclass(frozen=True)
class Build:
    """One set of extracts made for an agreement and environment; the newest is the workspace in force."""

    id: str
    agreement: str
    environment: Environment
    grant_digest: str
    created: str
    tables: tuple[TableExtract, ...]

    def serves(self, grant_digest: str, snapshots: Mapping[str, str]) -> bool:
        """Tell whether it was made for this grant from these snapshots, by table name."""
        made_from = {one.table: one.snapshot for one in self.tables if one.snapshot is not None}
        return self.grant_digest == grant_digest and made_from == snapshots


@dataclass(frozen=True)
class Workspace:
    """What a job may read.

    `grant_digest` is the digest of the grant (policy and catalog) the extracts were made for; a job whose grant has
    another is stale. `commitments` (by table) may leave the domain: they pin the extracts and tell nothing about them.
    """

    id: str
    agreement: str
    environment: Environment
    grant_digest: str
    extracts: tuple[ExtractRef, ...]
    commitments: Mapping[str, str]


@dataclass(frozen=True)
class Violations:
    """How often the data broke what the catalog declares, and was corrected; for the institution alone.

    `null_unit`, `orphan` and `over_cap` rows were left out; `domain` values became other or NULL and `bounds` values were
    clamped, counted per column; `duplicate` rows of a public table's unique key were left out.
    """

    null_unit: int = 0
    orphan: int = 0
    over_cap: int = 0
    duplicate: int = 0
    domain: Mapping[str, int] = field(default_factory=dict)
    bounds: Mapping[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Json]:
        """Return the counts for an audit payload."""
        rows: dict[str, Json] = {name: getattr(self, name) for name in ("null_unit", "orphan", "over_cap", "duplicate")}
        return rows | {"domain": dict(self.domain), "bounds": dict(self.bounds)}


CommittedKind = Literal["snapshot", "extract"]


def commitment(kind: CommittedKind, name: str, file_digest: str, nonce: bytes) -> str:
    """Commit to a file for readers outside: HMAC-SHA256 under a secret 256-bit nonce, binding and silent without it.

    Args:
        kind: what is committed to; separates the two uses of one construction.
        name: the object's identifier.
        file_digest: `sha256:<hex>` of its bytes, which would let an outsider test guesses of small tables.
        nonce: 32 secret random bytes, kept beside the digest.

    """
    message = canonical_bytes({"kind": kind, "name": name, "digest": file_digest})
    return "hmac-sha256:" + hmac.digest(nonce, message, "sha256").hex()


def schema_digest(item: CatalogItem) -> str:
    """Digest of names and types, for whoever reads a table."""
    return digest({name: column.type.model_dump() for name, column in item.columns.items()})


def declaration_digest(item: CatalogItem) -> str:
    """Digest of all that decides how files are read and what is told of them: they are read anew when it changes."""
    columns: list[Json] = [
        [name, column.model_dump(mode="json", include={"type", "bounds", "domain", "nullable"})]
        for name, column in item.columns.items()
    ]
    rest = item.model_dump(mode="json", include={"unit", "unique", "max_bad_rows"})
    return digest({"columns": columns, **rest})


def moved_account(present: CatalogItem, item: CatalogItem) -> str | None:
    """Name the field by which a later version of an item would be charged to another account, where its budget is whole again."""
    if item.lineage != present.lineage:
        return "lineage"
    if present.unit is not None and (item.unit is None or item.unit.kind != present.unit.kind):
        return "unit.kind"
    return None
