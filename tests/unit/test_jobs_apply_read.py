"""Reading and checking a directory: every fault is named by file, place and rule, and none repeats a value."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox.jobs.apply import read_declaration
from sandbox.jobs.apply_model import FAULTS
from sandbox.kernel.errors import YuneiError
from tests.apply_directory import CANARY, CSV, documents, write_directory

Change = Callable[[dict[str, Any]], object]


def faults_of(directory: Path) -> list[tuple[str, str, str]]:
    with pytest.raises(YuneiError) as caught:
        read_declaration(directory)
    assert caught.value.code == "APPLY_INVALID"
    assert CANARY not in str(caught.value.facts)
    faults: Any = caught.value.facts["faults"]
    assert all(fault["title"] == {"zh": FAULTS[fault["rule"]].zh, "en": FAULTS[fault["rule"]].en} for fault in faults)
    return [(fault["file"], fault["path"], fault["rule"]) for fault in faults]


def changed(directory: Path, change: Change) -> list[tuple[str, str, str]]:
    files = documents()
    change(files)
    return faults_of(write_directory(directory, files))


def test_a_whole_directory_is_read(tmp_path: Path) -> None:
    declared = read_declaration(write_directory(tmp_path))
    assert [entry.value.id for entry in declared.organisations][:2] == ["org-health", "org-operator"]
    assert [entry.value.policy for entry in declared.policies] == ["clinic"]
    assert declared.canaries == (CANARY,)
    assert set(declared.data) == {"residents"}


CHANGES: list[tuple[Change, tuple[str, str, str]]] = [
    (lambda f: f["organisations.yaml"][0].update(kind="bank"), ("organisations.yaml", "[0].kind", "SHAPE")),
    (lambda f: f["organisations.yaml"][0].update(colour="red"), ("organisations.yaml", "[0].colour", "SHAPE")),
    (lambda f: f["organisations.yaml"][1].pop("name"), ("organisations.yaml", "[1].name", "SHAPE")),
    (lambda f: f["organisations.yaml"].append(f["organisations.yaml"][1]), ("organisations.yaml", "[5].id", "ID_TWICE")),
    (lambda f: f.update({"organisations.yaml": {"id": "x"}}), ("organisations.yaml", "", "SHAPE")),
    (lambda f: f.pop("organisations.yaml"), ("organisations.yaml", "", "FILE_MISSING")),
    (lambda f: f["people.yaml"][0].update(organisation="org-nowhere"), ("people.yaml", "[0].organisation", "REFERENCE_UNKNOWN")),
    (lambda f: f["people.yaml"][0].update(roles=["king"]), ("people.yaml", "[0].roles[0]", "SHAPE")),
    (
        lambda f: f["people.yaml"][3].update(roles=["admin_system", "admin_audit"]),
        ("people.yaml", "[3].roles", "ROLES_EXCLUSIVE"),
    ),
    (lambda f: f["people.yaml"][0].update(roles=["operator", "admin_system"]), ("people.yaml", "[0].roles", "ROLES_EXCLUSIVE")),
    (lambda f: f["people.yaml"][0].update(roles=["reviewer_owner"]), ("people.yaml", "[0].roles", "ROLE_NOT_OF_ORGANISATION")),
    (lambda f: f["people.yaml"][0].update(roles=["system"]), ("people.yaml", "[0].roles", "ROLE_NOT_OF_ORGANISATION")),
    (lambda f: f["agreements.yaml"][0].update(operator="org-insurer"), ("agreements.yaml", "[0].operator", "PARTY_KIND")),
    (lambda f: f["agreements.yaml"][0].update(application="org-x"), ("agreements.yaml", "[0].application", "REFERENCE_UNKNOWN")),
    (lambda f: f["agreements.yaml"][0].update(until="2025-12-31"), ("agreements.yaml", "[0].from", "SHAPE")),
    (lambda f: f["agreements.yaml"][0].update(until="2026-02-30"), ("agreements.yaml", "[0].until", "SHAPE")),
    (
        lambda f: f["catalog/residents.yaml"].update(institution="org-bureau"),
        ("catalog/residents.yaml", "institution", "PARTY_KIND"),
    ),
    (
        lambda f: f["catalog/residents.yaml"]["columns"]["gender"].update(type="float"),
        ("catalog/residents.yaml", "columns.gender.type", "SHAPE"),
    ),
    (
        lambda f: f.update({"catalog/again.yaml": f["catalog/residents.yaml"]}),
        ("catalog/residents.yaml", "table", "ID_TWICE"),
    ),
    (lambda f: f["policies/clinic.yaml"].update(agreement="agr-x"), ("policies/clinic.yaml", "agreement", "REFERENCE_UNKNOWN")),
    (
        lambda f: f["policies/clinic.yaml"]["protection"].update(delta=0.00001),
        ("policies/clinic.yaml", "protection.delta", "SHAPE"),
    ),
    (
        lambda f: f["policies/clinic.yaml"]["tables"]["residents"]["columns"].update(salary={"use": ["group"]}),
        ("policies/clinic.yaml", "residents.salary", "POLICY_REFUSED"),
    ),
    (
        lambda f: f["policies/clinic.yaml"]["cases"][0].update(expect={"refused": "COLUMN_NOT_GRANTED"}),
        ("policies/clinic.yaml", "cases[0]", "CASE_FAILED"),
    ),
    (
        lambda f: f["policies/clinic.yaml"]["cases"][1].update(expect="allowed"),
        ("policies/clinic.yaml", "cases[1]", "CASE_FAILED"),
    ),
    (
        lambda f: f.update({"policies/second.yaml": {**f["policies/clinic.yaml"], "policy": "second"}}),
        ("policies/second.yaml", "agreement", "ID_TWICE"),
    ),
    (lambda f: f.pop("budgets.yaml"), ("policies/clinic.yaml", "tables.residents", "BUDGET_MISSING")),
    (lambda f: f["budgets.yaml"][0].update(lineage="civil.other"), ("budgets.yaml", "[0].lineage", "BUDGET_UNKNOWN")),
    (lambda f: f["budgets.yaml"][0].update(unit_kind="firm"), ("budgets.yaml", "[0].lineage", "BUDGET_UNKNOWN")),
    (lambda f: f["budgets.yaml"].append(f["budgets.yaml"][0]), ("budgets.yaml", "[1].lineage", "ID_TWICE")),
    (lambda f: f["canaries.yaml"].append("张"), ("canaries.yaml", "[1]", "SHAPE")),
    (lambda f: f["canaries.yaml"].append(110101199001011237), ("canaries.yaml", "[1]", "SHAPE")),
    (lambda f: f.update({"polices/clinic.yaml": "x: 1"}), ("polices", "", "FILE_UNKNOWN")),
    (lambda f: f.update({"catalog/deep/x.yaml": "x: 1"}), ("catalog/deep", "", "FILE_UNKNOWN")),
    (lambda f: f.update({"catalog/x.yml": "x: 1"}), ("catalog/x.yml", "", "FILE_UNKNOWN")),
]


@pytest.mark.parametrize(("change", "fault"), CHANGES, ids=[f"{i}-{fault[2]}" for i, (_, fault) in enumerate(CHANGES)])
def test_each_fault_is_named_with_its_place(tmp_path: Path, change: Change, fault: tuple[str, str, str]) -> None:
    assert fault in changed(tmp_path, change)


def test_all_faults_come_at_once(tmp_path: Path) -> None:
    def change(files: dict[str, Any]) -> None:
        files["organisations.yaml"][0]["kind"] = "bank"
        files["people.yaml"][0]["roles"] = ["king"]
        files["policies/clinic.yaml"]["version"] = 0

    assert {file for file, _, _ in changed(tmp_path, change)} == {"organisations.yaml", "people.yaml", "policies/clinic.yaml"}


@pytest.mark.parametrize(
    ("text", "rule", "place"),
    [
        ("- id: a\n  id: b\n", "YAML_KEY_TWICE", "line 2"),
        ("- !!python/object/apply:os.system ['true']\n", "YAML_FEATURE", "line 1"),
        ("- &a {id: x}\n- *a\n", "YAML_FEATURE", "line 1"),
        ("%YAML 1.1\n---\n- id: no\n", "YAML_FEATURE", "line 2"),
        ("- <<: {id: a}\n", "YAML_FEATURE", "line 1"),
        ("- [\n", "YAML_INVALID", "line 2"),
        ("- from: 2026-13-01\n", "YAML_INVALID", ""),
        ("a: 1\n---\nb: 2\n", "YAML_INVALID", "line 2"),
        ("[" * 40 + "]" * 40, "YAML_FEATURE", "line 1"),
    ],
)
def test_yaml_is_plain_data(tmp_path: Path, text: str, rule: str, place: str) -> None:
    files = documents()
    files["people.yaml"] = text
    assert ("people.yaml", place, rule) in faults_of(write_directory(tmp_path, files))


def test_words_that_older_yaml_takes_for_booleans_are_words(tmp_path: Path) -> None:
    files = documents()
    files["people.yaml"] = "- {id: no, organisation: org-operator, name: yes, roles: [operator]}\n"
    people = read_declaration(write_directory(tmp_path, files)).people
    assert (people[0].value.id, people[0].value.name) == ("no", "yes")


def test_a_decimal_written_as_a_binary_number_is_refused(tmp_path: Path) -> None:
    files = documents()
    files["budgets.yaml"] = "- {unit_kind: resident, lineage: civil.residents, epsilon: '20', delta: 1e-7}\n"
    assert ("budgets.yaml", "[0].delta", "SHAPE") in faults_of(write_directory(tmp_path, files))


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        ({}, ("policies/clinic.yaml", "tables.residents", "DATA_MISSING")),
        ({"residents.csv": CSV, "residents.parquet": "x"}, ("data/residents.parquet", "", "DATA_TWICE")),
        ({"residents.csv": CSV, "visits.csv": CSV}, ("data/visits.csv", "", "DATA_UNKNOWN")),
        ({"residents.csv": CSV, "notes.xlsx": ""}, ("data/notes.xlsx", "", "FILE_UNKNOWN")),
        ({"residents.csv": CSV, "residents/2025.csv": CSV}, ("data/residents.csv", "", "DATA_TWICE")),
        ({"residents/2025.csv": CSV, "visits/1.csv": CSV}, ("data/visits", "", "DATA_UNKNOWN")),
        ({"residents/2025.csv": CSV, "residents/notes.txt": ""}, ("data/residents/notes.txt", "", "FILE_UNKNOWN")),
        ({"residents/deeper/2025.csv": CSV}, ("data/residents/deeper", "", "FILE_UNKNOWN")),
        ({"residents/x.csv/2025.csv": CSV}, ("data/residents/x.csv", "", "FILE_UNKNOWN")),
    ],
)
def test_data_belong_to_declared_tables(tmp_path: Path, data: dict[str, str], fault: tuple[str, str, str]) -> None:
    assert fault in faults_of(write_directory(tmp_path, data=data))


def test_the_units_own_table_is_needed_even_where_it_is_not_granted(tmp_path: Path) -> None:
    files = documents()
    unit = {"kind": "resident", "key": "resident_id", "references": "residents.resident_id", "max_rows": 3, "size_band": 100}
    files["catalog/visits.yaml"] = {
        **files["catalog/residents.yaml"],
        "table": "visits",
        "lineage": "health.visits",
        "unit": unit,
    }
    terms = files["policies/clinic.yaml"]["tables"].pop("residents")
    terms["unit"] = {"key": "resident_id", "references": "residents.resident_id"}
    files["policies/clinic.yaml"]["tables"]["visits"] = terms
    files["policies/clinic.yaml"]["cases"] = []
    files["budgets.yaml"].append({**files["budgets.yaml"][0], "lineage": "health.visits"})
    found = faults_of(write_directory(tmp_path, files, {"visits.csv": CSV}))
    assert found == [("policies/clinic.yaml", "tables.visits", "DATA_MISSING")]


def test_links_are_never_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside.csv"
    outside.write_text(CSV)
    directory = write_directory(tmp_path / "dir", data={})
    (directory / "data").mkdir()
    (directory / "data" / "residents.csv").symlink_to(outside)
    (directory / "canaries.yaml").unlink()
    (directory / "canaries.yaml").symlink_to(outside)
    found = faults_of(directory)
    assert ("data/residents.csv", "", "FILE_NOT_PLAIN") in found
    assert ("canaries.yaml", "", "FILE_NOT_PLAIN") in found


def test_notes_for_people_are_allowed(tmp_path: Path) -> None:
    directory = write_directory(tmp_path)
    (directory / "README.md").write_text("notes")
    assert read_declaration(directory).policies
