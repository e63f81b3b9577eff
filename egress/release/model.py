"""What a release says of itself: the predicate of its in-toto statement, and the release as kept. Frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

STATEMENT_TYPE: Literal["https://in-toto.io/Statement/v1"] = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Literal["https://yunei.example/attestations/egress-release/v1"] = (
    "https://yunei.example/attestations/egress-release/v1"
)
RECALL_TYPE = "https://yunei.example/attestations/egress-recall/v1"

Format = Literal["csv", "parquet", "arrow", "json", "xlsx"]
"""Formats of a release. The package holds all but `xlsx`, each signed by digest; that one is made on request."""

MEDIA_TYPES: Mapping[Format, str] = {
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.file",
    "json": "application/json",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}

INTERVAL_NOTICE = {
    "zh": "区间列 _low/_high 为 95% 区间, 仅反映噪声; 截断与贡献上限造成的偏差不在其内。",
    "en": "Columns _low and _high are 95 % intervals of the noise only; bias from clamping and caps is not covered.",
}
GROUPS_NOTICE = {
    "zh": "分组键为非公开键: 单位数经加噪后低于阈值的分组不出现, 结果可能缺少分组。",
    "en": "Group keys are private: groups whose noisy number of units is below the threshold are absent; groups may be missing.",
}
ALLOWED_USE = {
    "zh": "仅限接收方在有效期内用于所列用途; 不得转交, 不得用于识别自然人或重新获取原始数据。",
    "en": "For the recipient, for the purpose named, until expiry. No passing on; no identification of persons or of raw data.",
}
SYNTHETIC_NOTICE = {
    "zh": "本结果在合成数据上得出, 不反映任何真实情况。",
    "en": "This result was computed on synthetic data and says nothing about reality.",
}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Notice(_Strict):
    """Constant text in both languages."""

    zh: str
    en: str


class Column(_Strict):
    """One released column."""

    name: str
    kind: str
    type: str


class Extract(_Strict):
    """Data that was read, pinned by a keyed commitment that only the domain can open."""

    table: str
    extract: str
    commitment: str


class Reviewer(_Strict):
    """One vote, by pseudonym; the digest is the one in the log."""

    pseudonym: str
    role: str
    decision: str
    digest: str


class PriorEvent(_Strict):
    """A leaf of the log on the way to this release, with its inclusion proof (base64 hashes)."""

    type: str
    index: int = Field(ge=0)
    leaf: str
    hashes: list[str]


class LogEvidence(_Strict):
    """Where the release's own history stands in the log, at `checkpoint` (a signed note)."""

    origin: str
    checkpoint: str
    events: list[PriorEvent]


class Privacy(_Strict):
    """The whole cost, as decimal or fraction text, and the plan it is recomputed from."""

    epsilon: str
    delta: str
    rho: str
    delta_tau: str
    plan: dict[str, JsonValue]


class Query(_Strict):
    """What was asked and what ran; `parameters` are the values of `$name`, without which a number says nothing."""

    parameters: dict[str, JsonValue]
    canonical_digest: str
    canonical_sql: str
    rewritten_digest: str
    rewritten_sql: str


class Validity(_Strict):
    """Until when the release may be used (last day, ISO), and where to ask whether it was recalled."""

    expires: str
    status: str


class Predicate(_Strict):
    """What leaves, to whom, for what, how protected, on whose decision."""

    release: str
    job: str
    request: str
    agreement: str
    operator: str
    recipient: str
    owners: list[str]
    purpose: str
    allowed_use: Notice
    environment: Literal["dev", "prod"]
    synthetic: bool
    released_at: str
    validity: Validity
    policy_digest: str
    catalog_digest: str
    query: Query
    privacy: Privacy
    columns: list[Column]
    rows: int = Field(ge=0)
    notices: list[Notice]
    extracts: list[Extract]
    check_report_digest: str
    evidence_digest: str
    reviewers: list[Reviewer]
    log: LogEvidence
    software: str


class Digest(_Strict):
    """A SHA-256 in hexadecimal."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Subject(_Strict):
    """One file of the package."""

    name: str
    digest: Digest


class Statement(BaseModel):
    """An in-toto Statement v1 with our predicate; the names are those of the standard."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, serialize_by_alias=True)

    type_: Literal["https://in-toto.io/Statement/v1"] = Field(alias="_type")
    subject: list[Subject]
    predicate_type: Literal["https://yunei.example/attestations/egress-release/v1"] = Field(alias="predicateType")
    predicate: Predicate


@dataclass(frozen=True)
class Release:
    """A release as kept. `objects` names each file's object by its digest; `event` is its leaf in the log."""

    id: str
    request: str
    job: str
    recipient: str
    operator: str
    institutions: tuple[str, ...]
    environment: str
    expires: str
    released_at: str
    envelope: str
    bundle: str
    objects: Mapping[str, str]
    event: int
    recall: str | None = None


@dataclass(frozen=True)
class Delivery:
    """One download."""

    release: str
    person: str
    organisation: str
    format: str
    at: str
    digest: str
