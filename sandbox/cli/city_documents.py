"""What the synthetic city declares: organisations, people, catalog, agreements, policies, budgets, canaries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

DISTRICTS = ("长安区", "裕华区", "桥西区", "新华区", "高新区", "栾城区", "藁城区", "鹿泉区")
TIERS = ("三级", "二级", "一级")
DEPARTMENTS = ("内科", "外科", "儿科", "妇产科", "骨科", "眼科", "口腔科", "皮肤科", "神经科", "肿瘤科", "康复科", "急诊科")
DIAGNOSES = (
    *("I10.x", "E11.9", "J06.9", "K29.5", "M54.5", "J20.9", "I25.1", "K02.9", "H10.9", "L20.9", "N39.0", "G43.9"),
    *("J45.9", "M17.9", "I63.9", "C34.9", "O80.9", "S52.5", "F41.1", "R51.x", "E78.5", "J18.9", "K21.0", "D50.9"),
)
HOSPITALS = 60
MAX_VISITS = 12
INCOME_MOST = 500_000
COST_MOST = 20_000
DELTA = "0.00000001"

_README = """\
合成城市 / Synthetic city
========================
本目录中的人员、身份证号、机构与就诊记录全部由程序随机生成, 与任何真实个人或机构无关。
身份证号使用国家标准未分配的 99 开头区划码; 姓名均以“合成·”开头。
Every person, number, organisation and visit in this directory was drawn by a program; none of them exists.
Identity numbers begin with region code 99, which the national standard assigns to no region; names begin with "合成·".
canaries.yaml lists values planted in the data that must never be seen outside the domain.
"""

Document = dict[str, Any]


@dataclass(frozen=True)
class Setting:
    """Sizes of the data, and a day on which the main agreements are in force."""

    residents: int
    visits: int
    today: date

    @property
    def term(self) -> Document:
        """From the beginning of today's year to the end of the next."""
        return {"from": date(self.today.year, 1, 1), "until": date(self.today.year + 1, 12, 31)}

    @property
    def past_term(self) -> Document:
        """The two years before."""
        return {"from": date(self.today.year - 2, 1, 1), "until": date(self.today.year - 1, 12, 31)}


def hospital_names() -> list[str]:
    """Return the names of all hospitals, in order."""
    return [f"合成市第{number:02d}医院" for number in range(1, HOSPITALS + 1)]


def band(count: int) -> int:
    """Return a public upper size band: the next of 1, 2, 2.5, 5 times a power of ten that is at least `count`."""
    scale = 1
    while True:
        for quarters in (4, 8, 10, 20):
            if quarters * scale >= 4 * count and quarters * scale % 4 == 0:
                return quarters * scale // 4
        scale *= 10


def write_documents(directory: Path, setting: Setting, canaries: Sequence[str]) -> None:
    """Write every document of the city into `directory`."""
    catalog = (_residents_item(setting), _visits_item(setting), _hospitals_item())
    policies = (_clinic_usage(setting), _district_planning(setting), _old_survey(setting))
    write_yaml(directory / "organisations.yaml", _ORGANISATIONS)
    write_yaml(directory / "people.yaml", _PEOPLE)
    write_yaml(directory / "agreements.yaml", _agreements(setting))
    write_yaml(directory / "budgets.yaml", _BUDGETS)
    write_yaml(directory / "canaries.yaml", list(canaries))
    for item in catalog:
        write_yaml(directory / "catalog" / f"{item['table']}.yaml", item)
    for policy in policies:
        write_yaml(directory / "policies" / f"{policy['policy']}.yaml", policy)
    (directory / "README.txt").write_text(_README, encoding="utf-8")


def write_yaml(path: Path, document: object) -> None:
    """Write one YAML 1.2 document; decimals are given as text and stay quoted."""
    path.parent.mkdir(parents=True, exist_ok=True)
    yaml: Any = YAML(typ="safe", pure=True)
    yaml.default_flow_style, yaml.width, yaml.sort_base_mapping_type_on_output = None, 120, False
    yaml.representer.ignore_aliases = lambda _value: True  # anchors would hide from a reader what a policy says
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(document, file)


_ORGANISATIONS: list[Document] = [
    {"id": "org-platform", "kind": "platform", "name": "合成市公共数据平台"},
    {"id": "org-authority", "kind": "authority", "name": "合成市数据局"},
    {"id": "org-health", "kind": "institution", "name": "合成市卫生健康委员会"},
    {"id": "org-civil", "kind": "institution", "name": "合成市民政局"},
    {"id": "org-operator", "kind": "operator", "name": "合成市数据运营公司"},
    {"id": "org-insurer", "kind": "application", "name": "合成健康保险公司"},
    {"id": "org-planner", "kind": "application", "name": "合成城市规划研究院"},
    {"id": "org-audit", "kind": "auditor", "name": "合成会计师事务所"},
]
_PEOPLE: list[Document] = [
    {"id": "per-an", "organisation": "org-operator", "name": "安分析", "roles": ["operator"]},
    {"id": "per-bo", "organisation": "org-operator", "name": "柏分析", "roles": ["operator"]},
    {"id": "per-wang", "organisation": "org-health", "name": "王审核", "roles": ["reviewer_owner"]},
    {"id": "per-ning", "organisation": "org-civil", "name": "宁审核", "roles": ["reviewer_owner"]},
    {"id": "per-li", "organisation": "org-authority", "name": "李审核", "roles": ["reviewer_authority"]},
    {"id": "per-qin", "organisation": "org-authority", "name": "秦审核", "roles": ["reviewer_authority"]},
    {"id": "per-zhao", "organisation": "org-insurer", "name": "赵联系", "roles": ["application"]},
    {"id": "per-sun", "organisation": "org-planner", "name": "孙联系", "roles": ["application"]},
    {"id": "per-zhou", "organisation": "org-audit", "name": "周审计", "roles": ["auditor"]},
    {"id": "per-xi", "organisation": "org-platform", "name": "系统管理", "roles": ["admin_system"]},
    {"id": "per-mi", "organisation": "org-platform", "name": "安全管理", "roles": ["admin_security"]},
    {"id": "per-shen", "organisation": "org-platform", "name": "审计管理", "roles": ["admin_audit"]},
]
_BUDGETS: list[Document] = [
    {"unit_kind": "resident", "lineage": "civil.residents", "epsilon": "20", "delta": "0.000001"},
    {"unit_kind": "resident", "lineage": "health.visits", "epsilon": "20", "delta": "0.000001"},
]


def _agreements(setting: Setting) -> list[Document]:
    return [
        _agreement("agr-clinic-usage", "opa-001", "org-insurer", setting.term),
        _agreement("agr-district-planning", "opa-001", "org-planner", setting.term),
        _agreement("agr-old-survey", "opa-000", "org-planner", setting.past_term),
    ]


def _agreement(name: str, operation: str, application: str, term: Document) -> Document:
    return {"id": name, "operation_agreement": operation, "operator": "org-operator", "application": application, **term}


def _column(kind: str, category: str, level: str, title: str, **more: object) -> Document:
    return {"type": kind, "category": category, "level": level, "title": title, **more}


def _residents_item(setting: Setting) -> Document:
    return {
        "table": "residents",
        "lineage": "civil.residents",
        "institution": "org-civil",
        "title": "常住人口",
        "unit": {"kind": "resident", "key": "resident_id", "max_rows": 1, "size_band": band(setting.residents)},
        "unique": ["resident_id"],
        "rows_band": band(setting.residents),
        "columns": {
            "resident_id": _column("text", "direct_identifier", "L4", "身份证号"),
            "name": _column("text", "direct_identifier", "L4", "姓名"),
            "gender": _column("text", "quasi_identifier", "L2", "性别", domain=["男", "女"], nullable=False),
            "birth_date": _column("date", "quasi_identifier", "L3", "出生日期", bounds=[date(1930, 1, 1), date(2025, 12, 31)]),
            "district": _column("text", "quasi_identifier", "L2", "居住区县", domain=list(DISTRICTS), nullable=False),
            "income": _column("integer", "sensitive", "L3", "年收入(元)", bounds=[0, INCOME_MOST], step=1),
        },
    }


def _visits_item(setting: Setting) -> Document:
    unit = {"kind": "resident", "key": "resident_id", "references": "residents.resident_id"}
    return {
        "table": "visits",
        "lineage": "health.visits",
        "institution": "org-health",
        "title": "门诊就诊记录",
        "unit": unit | {"max_rows": MAX_VISITS, "size_band": band(setting.residents)},
        "rows_band": band(setting.visits),
        "columns": {
            "visit_id": _column("integer", "direct_identifier", "L4", "就诊流水号"),
            "resident_id": _column("text", "direct_identifier", "L4", "身份证号"),
            "hospital": _column("text", "dimension", "L1", "医院", domain=hospital_names(), nullable=False),
            "visit_date": _column("date", "quasi_identifier", "L3", "就诊日期", bounds=[date(2024, 1, 1), date(2025, 12, 31)]),
            "department": _column("text", "dimension", "L2", "科室", domain=list(DEPARTMENTS), nullable=False),
            "diagnosis_code": _column("text", "sensitive", "L3", "诊断编码", domain=list(DIAGNOSES), nullable=False),
            "cost": _column("decimal(10,2)", "sensitive", "L3", "费用(元)", bounds=[0, COST_MOST], step="0.01"),
        },
    }


def _hospitals_item() -> Document:
    return {
        "table": "hospitals",
        "lineage": "health.hospitals",
        "institution": "org-health",
        "title": "医院名录",
        "public": True,
        "unique": ["hospital"],
        "rows_band": 100,
        "columns": {
            "hospital": _column("text", "dimension", "L1", "医院", domain=hospital_names(), nullable=False),
            "district": _column("text", "dimension", "L1", "区县", domain=list(DISTRICTS), nullable=False),
            "tier": _column("text", "dimension", "L1", "等级", domain=list(TIERS), nullable=False),
        },
    }


def _terms(name: str, purpose: str, term: Document) -> Document:
    return {
        "policy": name,
        "version": 1,
        "agreement": f"agr-{name}",
        "purpose": [purpose],
        "valid": term | {"max_jobs": 500},
        "environment": ["dev", "prod"],
        "protection": {"mode": "dp", "epsilon": "4.0", "delta": DELTA, "per_job_epsilon_max": "0.5"},
        "output": {"max_rows": 10_000, "max_cells": 100_000, "min_units": 10, "small_groups": "suppress"},
        "review": {"route": "two_person"},
    }


_KEY = {"use": ["join", "count_distinct"]}
_NUMBERS = ["count", "sum", "avg", "quantile"]
_GROUP = {"use": ["group", "compare"]}
_VISIT_UNIT = {"key": "resident_id", "references": "residents.resident_id", "max_rows": MAX_VISITS}
_HOSPITAL_TERMS: Document = {
    "public": True,
    "columns": {"hospital": {"use": ["join", "group"]}, "district": _GROUP, "tier": _GROUP},
}
_RESIDENT_COLUMNS: Document = {
    "resident_id": _KEY,
    "gender": _GROUP,
    "birth_date": _GROUP | {"coarsen": "year"},
    "district": _GROUP,
    "income": {"use": ["aggregate"], "functions": ["sum", "avg", "quantile"], "clamp": [0, INCOME_MOST], "step": 1},
}


def _clinic_usage(setting: Setting) -> Document:
    visits = {
        "resident_id": _KEY,
        "hospital": {"use": ["join", "group"]},
        "visit_date": _GROUP | {"coarsen": "month"},
        "department": _GROUP,
        "diagnosis_code": {"use": ["group"], "coarsen": "prefix:3"},
        "cost": {"use": ["aggregate"], "functions": _NUMBERS, "clamp": [0, COST_MOST], "step": "0.01"},
    }
    return _terms("clinic-usage", "public_health_planning", setting.term) | {
        "tables": {
            "residents": {"unit": {"key": "resident_id"}, "columns": _RESIDENT_COLUMNS},
            "visits": {"unit": _VISIT_UNIT | {"max_groups": MAX_VISITS, "max_rows_per_group": 4}, "columns": visits},
            "hospitals": _HOSPITAL_TERMS,
        },
        "joins": [["visits.resident_id", "residents.resident_id"], ["visits.hospital", "hospitals.hospital"]],
        "cases": [
            _case("SELECT gender, count(*) AS n FROM residents GROUP BY gender"),
            _case("SELECT department, count(*) AS n, avg(cost) AS cost FROM visits GROUP BY department"),
            _case("SELECT name FROM residents", "COLUMN_NOT_GRANTED"),
            _case("SELECT visit_id, count(*) AS n FROM visits GROUP BY visit_id", "COLUMN_NOT_GRANTED"),
        ],
    }


def _district_planning(setting: Setting) -> Document:
    return _terms("district-planning", "district_planning", setting.term) | {
        "tables": {
            "residents": {
                "unit": {"key": "resident_id"},
                "rows": "district IN ('长安区', '裕华区')",
                "columns": {name: _RESIDENT_COLUMNS[name] for name in ("resident_id", "gender", "birth_date", "district")},
            }
        },
        "cases": [
            _case("SELECT district, count(*) AS n FROM residents GROUP BY district"),
            _case("SELECT avg(income) AS income FROM residents", "COLUMN_NOT_GRANTED"),
        ],
    }


def _old_survey(setting: Setting) -> Document:
    return _terms("old-survey", "district_planning", setting.past_term) | {
        "tables": {"residents": {"unit": {"key": "resident_id"}, "columns": {"gender": _GROUP}}},
        "cases": [_case("SELECT gender, count(*) AS n FROM residents GROUP BY gender")],
    }


def _case(sql: str, refused: str | None = None) -> Document:
    return {"sql": sql, "expect": {"refused": refused} if refused else "allowed"}
