"""What a directory to apply declares, the faults it may have, and the report of having applied it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Generic, Self, TypeVar

from pydantic import ConfigDict, Field, RootModel, model_validator

from policies.catalog import Catalog, CatalogItem, Day, Exact, Strict
from policies.policy import Policy, Slug
from policies.reasons import YAML_REASONS, broken
from policies.vocabularies import UnitKind
from sandbox.jobs.simulate import Simulation
from sandbox.kernel.canonical import Json
from sandbox.kernel.errors import ErrorKind
from sandbox.kernel.roles import Role
from tenants.model import Organisation, OrganisationKind, Person, ServiceAgreement

Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,47}$")]
"""Of organisations and people; leaves room for prefixes such as `key:owner-` where identifiers are stored."""

Title = Annotated[str, Field(min_length=1, max_length=200)]

FAULTS: Mapping[str, ErrorKind] = {
    "FILE_UNKNOWN": ErrorKind(422, "目录中不应有此文件", "The directory may not hold this file"),
    "FILE_MISSING": ErrorKind(422, "缺少文件", "A file is missing"),
    "FILE_NOT_PLAIN": ErrorKind(422, "必须是目录内的普通文件", "It must be a plain file inside the directory"),
    **{rule: ErrorKind(422, text.zh, text.en) for rule, text in YAML_REASONS.items()},
    "SHAPE": ErrorKind(422, "内容不符合格式", "The content does not have the required form"),
    "ID_TWICE": ErrorKind(422, "标识重复", "An identifier is declared twice"),
    "REFERENCE_UNKNOWN": ErrorKind(422, "引用了未声明的对象", "It refers to something not declared"),
    "PARTY_KIND": ErrorKind(422, "机构类型不符", "The organisation is of another kind"),
    "ROLES_EXCLUSIVE": ErrorKind(422, "三员岗位不得兼任其他角色", "An administrator holds exactly one role"),
    "ROLE_NOT_OF_ORGANISATION": ErrorKind(
        422, "该类机构的人员不得担任此角色", "People of such an organisation may not hold this role"
    ),
    "POLICY_REFUSED": ErrorKind(422, "策略与目录不一致", "Policy and catalog do not resolve"),
    "CASE_FAILED": ErrorKind(422, "策略自带用例未通过", "A case of the policy fails"),
    "BUDGET_MISSING": ErrorKind(422, "缺少数据集隐私预算", "The data set has no budget"),
    "BUDGET_UNKNOWN": ErrorKind(422, "预算对应的数据集不存在", "The budget is for no declared data set"),
    "DATA_MISSING": ErrorKind(422, "策略授权的表没有数据", "A granted table has no data"),
    "DATA_TWICE": ErrorKind(422, "同一张表有两份数据", "A table has two files, or a file and a folder, of data"),
    "DATA_UNKNOWN": ErrorKind(422, "数据文件没有对应的目录条目", "The data file belongs to no declared table"),
}
"""Everything that may be wrong with a directory, in zh and en; printed in the documentation."""


@dataclass(frozen=True)
class Fault:
    """One thing wrong: in which file, where in the document (`[2].roles[0]`), by which rule, and what exactly.

    `detail` names rules, identifiers and allowed values; never the value found, which may be a canary or come from data.
    """

    file: str
    path: str
    rule: str
    detail: str = ""

    def as_json(self) -> Mapping[str, Json]:
        """Return the fault for `--json` and for the error's facts."""
        kind = FAULTS[self.rule]
        place = {"file": self.file, "path": self.path, "rule": self.rule, "detail": self.detail}
        return {**place, "title": {"zh": kind.zh, "en": kind.en}}


class OrganisationEntry(Strict):
    """One line of `organisations.yaml`."""

    id: Id
    kind: OrganisationKind
    name: Title

    def value(self) -> Organisation:
        """Return the organisation it declares."""
        return Organisation(self.id, self.kind, self.name)


class PersonEntry(Strict):
    """One line of `people.yaml`; an empty list of roles takes all roles away."""

    id: Id
    organisation: Id
    name: Title
    roles: tuple[Role, ...]

    def value(self) -> Person:
        """Return the person it declares."""
        return Person(self.id, self.organisation, self.name, frozenset(self.roles))


class AgreementEntry(Strict):
    """One line of `agreements.yaml`: a signed service agreement; both days are inclusive."""

    id: Slug
    operation_agreement: Slug
    operator: Id
    application: Id
    from_: Day = Field(alias="from")
    until: Day

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.from_ > self.until:
            raise broken("TERM_REVERSED", ["from"])
        return self

    def value(self) -> ServiceAgreement:
        """Return the agreement it declares; its state is the register's matter."""
        return ServiceAgreement(
            self.id, self.operation_agreement, self.operator, self.application, self.from_, self.until, "draft"
        )


class BudgetEntry(Strict):
    """One line of `budgets.yaml`: the most that all agreements together may learn from one data set per kind of unit."""

    unit_kind: UnitKind
    lineage: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.-]{0,127}$")]
    epsilon: Exact = Field(gt=0, le=1000)
    delta: Exact = Field(gt=0, lt=1)


class Canary(RootModel[Annotated[str, Field(min_length=4, max_length=200)]]):
    """One line of `canaries.yaml`: a planted value; short ones would meet innocent text by chance."""

    model_config = ConfigDict(frozen=True)


T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True)
class Placed(Generic[T_co]):
    """A declared value with the file and the place in its document where it stands."""

    file: str
    path: str
    value: T_co

    def fault(self, field: str, rule: str, detail: str = "") -> Fault:
        """Return a fault at one field of the value."""
        return Fault(self.file, f"{self.path}.{field}".lstrip("."), rule, detail)


@dataclass(frozen=True)
class Declaration:
    """A whole directory as read; `data` names the file or folder of each table."""

    organisations: tuple[Placed[OrganisationEntry], ...]
    people: tuple[Placed[PersonEntry], ...]
    items: tuple[Placed[CatalogItem], ...]
    agreements: tuple[Placed[AgreementEntry], ...]
    policies: tuple[Placed[Policy], ...]
    budgets: tuple[Placed[BudgetEntry], ...]
    canaries: tuple[str, ...]
    data: Mapping[str, Path]

    @property
    def catalog(self) -> Catalog:
        """All declared tables."""
        return Catalog(items={item.value.table: item.value for item in self.items})


@dataclass(frozen=True)
class ApplyReport:
    """What an apply did: the objects that changed, by kind, and how many were declared. The second time nothing changes.

    `simulated` tells, by policy, what its new version changed for past jobs; `quarantined`, by table, how many rows of its data
    were set aside because they do not fit.
    """

    changed: Mapping[str, tuple[str, ...]]
    declared: Mapping[str, int]
    simulated: Mapping[str, Simulation]
    quarantined: Mapping[str, Mapping[str, Json]]

    def as_json(self) -> Mapping[str, Json]:
        """Return the report for `--json`."""
        changed: dict[str, Json] = {kind: list(names) for kind, names in self.changed.items()}
        simulated = {policy: found.summary() for policy, found in self.simulated.items()}
        quarantined: dict[str, Json] = {table: dict(counts) for table, counts in self.quarantined.items()}
        return {"changed": changed, "declared": dict(self.declared), "simulated": simulated, "quarantined": quarantined}
