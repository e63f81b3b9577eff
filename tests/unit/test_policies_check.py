"""The dry run offline: documents from YAML, verdicts as JSON."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from policies.check import load_grant, submitted
from policies.decide import decide
from policies.documents import DocumentRefusedError, load_catalog, load_policy
from policies.grant import Grant
from policies.query import Allowed, Refused
from tests.factories_policies import GRANT, catalog, policy_document, verdict

ITEM = """\
table: residents
lineage: health.residents
institution: org-health
unit: {kind: resident, key: resident_id, size_band: 10000}
columns:
  resident_id: {type: text, category: direct_identifier, level: L4}
  gender: {type: text, category: dimension, level: L2, domain: [F, M]}
"""
POLICY = """\
policy: small
version: 1
agreement: agr-small
purpose: [planning]
valid: {from: 2026-01-01, until: 2026-12-31, max_jobs: 5}
environment: [dev]
protection: {mode: dp, epsilon: "1", delta: "0.0000001", per_job_epsilon_max: "0.5"}
output: {max_rows: 10, max_cells: 100}
review: {route: auto}
tables:
  residents:
    unit: {key: resident_id}
    columns:
      gender: {use: [group, compare]}
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    for folder, name, text in (("catalog", "residents.yaml", ITEM), ("policies", "small.yaml", POLICY)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text(text)
    return tmp_path


def test_documents_are_read_and_resolved(directory: Path) -> None:
    found = load_grant(directory / "catalog", directory / "policies" / "small.yaml")
    assert isinstance(found, Grant)
    assert isinstance(decide(submitted(found.policy, {"sql": "SELECT count(*) FROM residents"}), found), Allowed)


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("gender: {type", "gender: {colour: red, type", "columns.gender.colour"),
        ("level: L2", "level: L9", "columns.gender.level"),
        ("table: residents", "table: residents\ntable: residents", "line"),
        ("key: resident_id", "key: nobody", ""),
    ],
)
def test_a_fault_names_its_place(directory: Path, old: str, new: str, path: str) -> None:
    (directory / "catalog" / "residents.yaml").write_text(ITEM.replace(old, new))
    with pytest.raises(DocumentRefusedError) as caught:
        load_catalog(directory / "catalog")
    assert any(fault.file == "residents.yaml" and path in fault.path for fault in caught.value.faults)


def test_a_float_where_an_exact_decimal_is_due_is_refused(directory: Path) -> None:
    path = directory / "policies" / "small.yaml"
    path.write_text(POLICY.replace('epsilon: "1"', "epsilon: 1.0"))
    with pytest.raises(DocumentRefusedError) as caught:
        load_policy(path)
    assert [fault.path for fault in caught.value.faults] == ["protection.epsilon"]


def test_the_larger_policy_survives_yaml(tmp_path: Path) -> None:
    yaml = YAML(typ="safe", pure=True)
    yaml.representer.ignore_aliases = lambda *_: True
    path = tmp_path / "p.yaml"
    with path.open("w") as file:
        yaml.dump(policy_document(), file)
    assert load_policy(path) == GRANT.policy
    assert set(catalog().items) == set(GRANT.tables)


def test_a_finding_points_into_the_text() -> None:
    sql = "SELECT gender,\n  count(*)\nFROM residents\nWHERE name = 'x'\nGROUP BY gender"
    found = verdict(sql)
    assert isinstance(found, Refused)
    span = found.findings[0].span
    assert span is not None
    assert sql[span.start : span.end] == "name"
    assert (span.line, span.column) == (4, 7)
