"""Rows of policies: every version ever published, and each binding of a version to the catalog it was resolved with."""

from dataclasses import dataclass

from sqlalchemy import Column, ForeignKeyConstraint, Integer, String, Table, Text, insert, select

from sandbox.kernel.db import Transaction, metadata

versions = Table(
    "policy_version",
    metadata,
    Column("agreement", String(64), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("policy", String(64), nullable=False),
    Column("document", Text, nullable=False),
    Column("published_by", String(64), nullable=False),
    Column("published_at", String(27), nullable=False),
)

bindings = Table(
    "policy_binding",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("agreement", String(64), nullable=False, index=True),
    Column("version", Integer, nullable=False),
    Column("catalog", Text, nullable=False),
    Column("digest", String(71), nullable=False),
    Column("bound_by", String(64), nullable=False),
    Column("bound_at", String(27), nullable=False),
    ForeignKeyConstraint(["agreement", "version"], ["policy_version.agreement", "policy_version.version"]),
)

owners = Table(
    "policy_institution",
    metadata,
    Column("agreement", String(64), primary_key=True),
    Column("institution", String(64), primary_key=True),
)


@dataclass(frozen=True)
class Version:
    """One published version as stored; `document` is the policy's canonical JSON."""

    agreement: str
    version: int
    policy: str
    document: str


@dataclass(frozen=True)
class Binding:
    """A version in force with the catalog items it was resolved with; `digest` is the grant's and covers both documents."""

    agreement: str
    version: int
    document: str
    catalog: str
    digest: str


def add_version(tx: Transaction, version: Version, actor: str, at: str) -> None:
    """Keep a new version; the primary key refuses a second one under the same number."""
    tx.execute(
        insert(versions).values(
            agreement=version.agreement,
            version=version.version,
            policy=version.policy,
            document=version.document,
            published_by=actor,
            published_at=at,
        )
    )


def all_versions(tx: Transaction, agreement: str) -> tuple[Version, ...]:
    """Return every version, oldest first."""
    query = select(versions.c.agreement, versions.c.version, versions.c.policy, versions.c.document)
    rows = tx.execute(query.where(versions.c.agreement == agreement).order_by(versions.c.version))
    return tuple(Version(*line) for line in rows)


def add_binding(tx: Transaction, binding: Binding, actor: str, at: str) -> None:
    """Put a version in force with the catalog of now; earlier bindings stay."""
    tx.execute(
        insert(bindings).values(
            agreement=binding.agreement,
            version=binding.version,
            catalog=binding.catalog,
            digest=binding.digest,
            bound_by=actor,
            bound_at=at,
        )
    )


def binding_digest(tx: Transaction, agreement: str) -> str | None:
    """Return the digest of the binding in force."""
    query = select(bindings.c.digest).where(bindings.c.agreement == agreement).order_by(bindings.c.seq.desc()).limit(1)
    return tx.execute(query).scalar_one_or_none()


def binding(tx: Transaction, agreement: str) -> Binding | None:
    """Return the binding in force."""
    query = (
        select(bindings.c.agreement, bindings.c.version, versions.c.document, bindings.c.catalog, bindings.c.digest)
        .join(versions, (versions.c.agreement == bindings.c.agreement) & (versions.c.version == bindings.c.version))
        .where(bindings.c.agreement == agreement)
        .order_by(bindings.c.seq.desc())
        .limit(1)
    )
    row = tx.execute(query).one_or_none()
    return None if row is None else Binding(*row)


def add_institutions(tx: Transaction, agreement: str, institutions: frozenset[str]) -> None:
    """Note whose data the agreement grants; an institution that once granted keeps seeing the use of its data."""
    for institution in sorted(institutions - institutions_of(tx, agreement)):
        tx.execute(insert(owners).values(agreement=agreement, institution=institution))


def institutions_of(tx: Transaction, agreement: str) -> frozenset[str]:
    """Return the institutions whose data any version of the agreement's policy granted."""
    return frozenset(tx.execute(select(owners.c.institution).where(owners.c.agreement == agreement)).scalars())
