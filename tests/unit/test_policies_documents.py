"""Whatever is wrong with a document is named by its place and one of our own reasons, and no value comes back."""

import json
import re
from pathlib import Path
from typing import Annotated, Any, get_args

import pytest
from pydantic import BaseModel, Field, ValidationError
from pydantic_core.core_schema import ErrorType

from policies.documents import DocumentFault, DocumentRefusedError, load_catalog, load_policy
from policies.policy import Policy
from policies.reasons import _OF_TYPE, MOST, REASONS, YAML_REASONS, broken_places
from tests.factories_policies import catalog, policy_document

SECRET = "张三丰13010119"
COST = ("tables", "visits", "columns", "cost")


def changed(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """Return the document with one value put in place."""
    document: Any = json.loads(json.dumps(policy_document(), default=str))
    document["cases"] = [{"sql": "SELECT 1", "expect": "allowed"}]
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return document


def faults(directory: Path, content: object) -> set[tuple[str, str]]:
    """Write a policy, JSON being YAML, and return place and reason of every fault."""
    file = directory / "p.yaml"
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        file.write_text(content if isinstance(content, str) else json.dumps(content, ensure_ascii=False))
    with pytest.raises(DocumentRefusedError) as caught:
        load_policy(file)
    assert {fault.file for fault in caught.value.faults} == {"p.yaml"}
    shown = json.dumps([fault.as_json() for fault in caught.value.faults], ensure_ascii=False)
    assert SECRET not in shown + str(caught.value)
    return {(fault.path, fault.reason) for fault in caught.value.faults}


PLACES: list[tuple[tuple[Any, ...], Any, str, str]] = [
    # closed vocabularies
    (("purpose",), ["public_health_planning", SECRET], "purpose.1", "PURPOSE_UNKNOWN"),
    (("environment",), ["dev", "test"], "environment.1", "ENVIRONMENT_UNKNOWN"),
    (("review", "route"), "nobody", "review.route", "ROUTE_UNKNOWN"),
    ((*COST, "functions"), ["sum", SECRET], "tables.visits.columns.cost.functions.1", "FUNCTION_UNKNOWN"),
    ((*COST, "use"), ["aggregate", "peek"], "tables.visits.columns.cost.use.1", "USE_UNKNOWN"),
    ((*COST, "use"), [5], "tables.visits.columns.cost.use.0", "USE_UNKNOWN"),
    ((*COST, "coarsen"), "week", "tables.visits.columns.cost.coarsen", "COARSENING_UNKNOWN"),
    ((*COST, "coarsen"), "prefix:0", "tables.visits.columns.cost.coarsen", "COARSENING_UNKNOWN"),
    ((*COST, "coarsen"), "prefix:100", "tables.visits.columns.cost.coarsen", "COARSENING_UNKNOWN"),
    (("protection", "mode"), "none", "protection.mode", "WORD_UNKNOWN"),
    (("output", "small_groups"), "show", "output.small_groups", "WORD_UNKNOWN"),
    # keys
    (("colour",), SECRET, "colour", "KEY_UNKNOWN"),
    ((*COST, "mask"), SECRET, "tables.visits.columns.cost.mask", "KEY_UNKNOWN"),
    (("valid", "from_"), "2026-01-01", "valid.from_", "KEY_UNKNOWN"),
    (("valid",), {"until": "2026-12-31", "max_jobs": 1}, "valid.from", "KEY_MISSING"),
    (("tables", "Visits"), {"public": True, "columns": {"a": {"use": ["group"]}}}, "tables.Visits", "KEY_FORM"),
    (("tables", "visits", "columns", "费用"), {"use": ["group"]}, "tables.visits.columns.费用", "KEY_FORM"),
    (("tables", "visits", "columns", "a\u202eb\x07"), {"use": ["group"]}, "tables.visits.columns.a�b�", "KEY_FORM"),
    (("tables", "visits", "columns", "x" * 300), {"use": ["group"]}, f"tables.visits.columns.{'x' * 64}", "KEY_FORM"),
    (("tables", "visits", "columns", ""), {"use": ["group"]}, "tables.visits.columns.", "KEY_FORM"),
    # kinds of values
    (("version",), "3", "version", "WHOLE_NUMBER_EXPECTED"),
    (("version",), 3.0, "version", "WHOLE_NUMBER_EXPECTED"),
    (("version",), True, "version", "WHOLE_NUMBER_EXPECTED"),
    (("version",), 10**40, "version", "OUT_OF_RANGE"),
    (("version",), 0, "version", "OUT_OF_RANGE"),
    (("valid", "max_jobs"), True, "valid.max_jobs", "WHOLE_NUMBER_EXPECTED"),
    (("valid", "max_jobs"), 2**53, "valid.max_jobs", "OUT_OF_RANGE"),
    (("valid", "from"), 0, "valid.from", "DATE_INVALID"),
    (("valid", "from"), "0", "valid.from", "DATE_INVALID"),
    (("valid", "from"), 20260101, "valid.from", "DATE_INVALID"),
    (("valid", "from"), "20260101", "valid.from", "DATE_INVALID"),
    (("valid", "from"), "2026-02-30", "valid.from", "DATE_INVALID"),
    (("valid", "from"), "2026-01-01T00:00:00", "valid.from", "DATE_INVALID"),
    (("valid", "from"), "2027-01-01", "valid.from", "TERM_REVERSED"),
    (("protection", "epsilon"), 1.5, "protection.epsilon", "DECIMAL_AS_FLOAT"),
    (("protection", "epsilon"), True, "protection.epsilon", "DECIMAL_INVALID"),
    *(
        (("protection", "epsilon"), text, "protection.epsilon", "DECIMAL_INVALID")
        for text in (
            "NaN",
            "Infinity",
            "-inf",
            "1_0",
            " 1",
            "1 ",
            "１",
            "1e3",
            "0x1",
            "1E+30",
            "1E-999",
            "",
            "1" * 30,
            "1.",
            "+1",
        )
    ),
    (("protection", "epsilon"), "0", "protection.epsilon", "OUT_OF_RANGE"),
    (("protection", "epsilon"), "101", "protection.epsilon", "OUT_OF_RANGE"),
    (("protection", "epsilon"), 10**30, "protection.epsilon", "OUT_OF_RANGE"),
    (("protection", "epsilon"), None, "protection.epsilon", "DECIMAL_INVALID"),
    (("protection",), "dp", "protection", "OBJECT_EXPECTED"),
    (("tables", "visits", "public"), "yes", "tables.visits.public", "TRUE_FALSE_EXPECTED"),
    (("tables", "visits", "public"), 1, "tables.visits.public", "TRUE_FALSE_EXPECTED"),
    (("tables", "visits", "rows"), 5, "tables.visits.rows", "TEXT_EXPECTED"),
    (("purpose",), "planning", "purpose", "LIST_EXPECTED"),
    (("purpose",), [], "purpose", "TOO_SHORT"),
    (("purpose",), ["planning", "research", "planning"], "purpose.2", "VALUE_TWICE"),
    ((*COST, "use"), ["aggregate", "aggregate"], "tables.visits.columns.cost.use.1", "VALUE_TWICE"),
    ((*COST, "use"), "aggregate", "tables.visits.columns.cost.use", "LIST_EXPECTED"),
    ((*COST, "use"), [], "tables.visits.columns.cost.use", "TOO_SHORT"),
    ((*COST, "clamp"), ["0"], "tables.visits.columns.cost.clamp.1", "TOO_SHORT"),
    ((*COST, "clamp"), ["0", "1", "2"], "tables.visits.columns.cost.clamp", "TOO_LONG"),
    ((*COST, "clamp"), ["5", "1"], "tables.visits.columns.cost.clamp", "BOUNDS_REVERSED"),
    ((*COST, "clamp"), ["0", 0.1], "tables.visits.columns.cost.clamp.1", "DECIMAL_AS_FLOAT"),
    ((*COST, "step"), "0", "tables.visits.columns.cost.step", "OUT_OF_RANGE"),
    ((*COST, "step"), "-1", "tables.visits.columns.cost.step", "OUT_OF_RANGE"),
    (("tables", "visits", "unit"), None, "tables.visits.unit", "PUBLIC_OR_UNIT"),
    (("tables", "visits", "unit", "references"), "residents", "tables.visits.unit.references", "TEXT_FORM"),
    (("joins",), [["a.b"]], "joins.0.1", "TOO_SHORT"),
    (("joins",), [["a.b", "c"]], "joins.0.1", "TEXT_FORM"),
    (("joins",), [5], "joins.0", "LIST_EXPECTED"),
    # cases
    (("cases", 0, "expect"), "maybe", "cases.0.expect", "WORD_UNKNOWN"),
    (("cases", 0, "expect"), {"refused": "NOT_A_CODE"}, "cases.0.expect.refused", "FINDING_UNKNOWN"),
    (("cases", 0, "expect"), {"refused": 5}, "cases.0.expect.refused", "TEXT_EXPECTED"),
    (("cases", 0, "expect"), {"reject": "SYNTAX"}, "cases.0.expect.reject", "KEY_UNKNOWN"),
    (("cases", 0, "expect"), {}, "cases.0.expect.refused", "KEY_MISSING"),
    (("cases", 0, "purpose"), "fun", "cases.0.purpose", "PURPOSE_UNKNOWN"),
    (("cases", 0, "environment"), "test", "cases.0.environment", "ENVIRONMENT_UNKNOWN"),
    (("cases", 0, "parameters"), {"a": 1.5}, "cases.0.parameters.a", "PARAMETER_FORM"),
    (("cases", 0, "parameters"), {"a": None}, "cases.0.parameters.a", "PARAMETER_FORM"),
    (("cases", 0, "parameters"), {"a": [1]}, "cases.0.parameters.a", "PARAMETER_FORM"),
    (("cases", 0, "parameters"), {"1a": 1}, "cases.0.parameters.1a", "KEY_FORM"),
    (("cases", 0, "parameters"), {"a": 2**53}, "cases.0.parameters.a", "OUT_OF_RANGE"),
    (("cases", 0, "parameters"), {"a": {"date": "x"}}, "cases.0.parameters.a.date", "DATE_INVALID"),
    (("cases", 0, "parameters"), {"a": {"decimal": 0.5}}, "cases.0.parameters.a.decimal", "DECIMAL_AS_FLOAT"),
    (("cases", 0, "parameters"), {"a": {"float": "1"}}, "cases.0.parameters.a.float", "KEY_UNKNOWN"),
]


@pytest.mark.parametrize(("path", "value", "place", "reason"), PLACES, ids=[f"{i}-{line[3]}" for i, line in enumerate(PLACES)])
def test_each_fault_has_its_place_and_reason(tmp_path: Path, path: tuple[Any, ...], value: Any, place: str, reason: str) -> None:
    assert (place, reason) in faults(tmp_path, changed(path, value))


def test_every_fault_comes_at_once(tmp_path: Path) -> None:
    document = changed(("purpose",), ["x"])
    document["environment"] = ["y"]
    document["tables"]["visits"]["columns"]["cost"]["functions"] = ["mean"]
    assert {reason for _, reason in faults(tmp_path, document)} == {"PURPOSE_UNKNOWN", "ENVIRONMENT_UNKNOWN", "FUNCTION_UNKNOWN"}


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ("policy: a\npolicy: b\n", "line 2", "YAML_KEY_TWICE"),
        ("a: &x {b: 1}\nc: *x\n", "line 1", "YAML_FEATURE"),
        ("a:\n  <<: {b: 1}\n", "line 2", "YAML_FEATURE"),
        ("a: !!binary aGk=\n", "line 1", "YAML_FEATURE"),
        ("%YAML 1.1\n---\na: no\n", "line 2", "YAML_FEATURE"),
        ("a: [", "line 1", "YAML_INVALID"),
        ("a: 1\n---\nb: 1\n", "line 2", "YAML_INVALID"),
        ("a: 2026-13-45\n", "", "YAML_INVALID"),
        (b"\xff\xfe\x00", "", "YAML_INVALID"),
        (b"a: \x00", "", "YAML_INVALID"),
        ("[" * 100, "line 1", "YAML_FEATURE"),
        ("a: " + "9" * 5000, "", "YAML_INVALID"),
        ("", "", "OBJECT_EXPECTED"),
        ("- a\n", "", "OBJECT_EXPECTED"),
        (f"{SECRET}\n", "", "OBJECT_EXPECTED"),
        ("version: .nan\n", "version", "WHOLE_NUMBER_EXPECTED"),
        ("version: 1e3\n", "version", "WHOLE_NUMBER_EXPECTED"),
        ("protection: {epsilon: .inf}\n", "protection.epsilon", "DECIMAL_AS_FLOAT"),
        ("protection: {delta: 1e-7}\n", "protection.delta", "DECIMAL_AS_FLOAT"),
        ("protection: {delta: 0.0000001}\n", "protection.delta", "DECIMAL_AS_FLOAT"),
        ("valid: {from: 2026-01-01 10:00:00}\n", "valid.from", "DATE_INVALID"),
        ("tables: {null: {}, 1: {}, 1.5: {}, 2026-01-01: {}}\n", "tables.None", "KEY_FORM"),
        ("tables: {null: {}, 1: {}, 1.5: {}, 2026-01-01: {}}\n", "tables.1.5", "KEY_FORM"),
        ("? [a, b]\n: 1\n", "('a', 'b')", "KEY_FORM"),
    ],
)
def test_yaml_that_is_more_or_less_than_plain_data_is_refused(tmp_path: Path, text: str | bytes, place: str, reason: str) -> None:
    assert (place, reason) in faults(tmp_path, text)


def test_a_file_of_ten_megabytes_is_refused_without_being_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def parsed(**_options: object) -> None:
        raise AssertionError("it was parsed")

    monkeypatch.setattr("sandbox.kernel.plain_yaml.YAML", parsed)
    assert faults(tmp_path, b"a: b\n" * 2_000_000) == {("", "YAML_TOO_LARGE")}


def test_of_very_many_faults_the_first_hundred_are_told(tmp_path: Path) -> None:
    assert len(faults(tmp_path, {f"k{number}": 1 for number in range(1000)})) == MOST


def test_of_very_many_odd_keys_too() -> None:
    document = dict.fromkeys(range(100_000), 1)
    with pytest.raises(ValidationError) as caught:
        Policy.model_validate(document)
    found = [one.reason for one in broken_places(document, caught.value)]
    assert len(found) == MOST
    assert set(found) == {"KEY_MISSING", "KEY_FORM"}


def test_a_missing_file_and_a_folder_are_told_apart_from_a_wrong_one(tmp_path: Path) -> None:
    for path in (tmp_path / "no.yaml", tmp_path):
        with pytest.raises(DocumentRefusedError) as caught:
            load_policy(path)
        assert [fault.reason for fault in caught.value.faults] == ["FILE_UNREADABLE"]
    with pytest.raises(DocumentRefusedError) as caught:
        load_catalog(tmp_path)
    assert [fault.reason for fault in caught.value.faults] == ["CATALOG_EMPTY"]


ITEM: dict[str, Any] = json.loads(json.dumps(catalog().items["visits"].model_dump(mode="json")))
ITEM_PLACES: list[tuple[tuple[Any, ...], Any, str, str]] = [
    (("unit", "kind"), "ghost", "unit.kind", "UNIT_KIND_UNKNOWN"),
    (("unit", "key"), "nobody", "unit.key", "COLUMN_UNDECLARED"),
    (("unit",), None, "unit", "PUBLIC_OR_UNIT"),
    (("unit", "references"), None, "unit.max_rows", "UNIT_TABLE_ROWS"),
    (("unique",), ["hospital", "nobody"], "unique.1", "COLUMN_UNDECLARED"),
    (("columns", "cost", "type"), "float", "columns.cost.type", "TYPE_UNKNOWN"),
    (("columns", "cost", "type"), "decimal", "columns.cost.type", "TYPE_UNKNOWN"),
    (("columns", "cost", "type"), "decimal(0,0)", "columns.cost.type", "TYPE_UNKNOWN"),
    (("columns", "cost", "type"), 5, "columns.cost.type", "OBJECT_EXPECTED"),
    (("columns", "cost", "category"), "secret", "columns.cost.category", "WORD_UNKNOWN"),
    (("columns", "cost", "level"), "L9", "columns.cost.level", "WORD_UNKNOWN"),
    (("columns", "cost", "bounds"), ["5", "1"], "columns.cost.bounds", "BOUNDS_REVERSED"),
    (("columns", "cost", "bounds"), ["0", 2.5], "columns.cost.bounds.1", "DECIMAL_AS_FLOAT"),
    (("columns", "cost", "bounds"), ["2024-01-01", "5"], "columns.cost.bounds.1", "DATE_INVALID"),
    (("columns", "cost", "step"), 0, "columns.cost.step", "OUT_OF_RANGE"),
    (("columns", "department", "domain"), ["a", 1], "columns.department.domain.1", "TEXT_EXPECTED"),
    (("columns", "department", "domain"), [1, True], "columns.department.domain.1", "WHOLE_NUMBER_EXPECTED"),
    (("columns", "department", "domain"), ["a", "a"], "columns.department.domain", "VALUE_TWICE"),
    (("columns", "cost", "nullable"), False, "columns.cost.nullable", "NULLABLE_WITHOUT_DOMAIN"),
    (("rows_band",), 10**30, "rows_band", "OUT_OF_RANGE"),
    (("columns", "cost", "bounds"), ["2024-01-01", "2024-12-31"], "columns.cost.bounds", "TYPE_OTHER"),
    (("columns", "visit_date", "bounds"), ["0", "1"], "columns.visit_date.bounds", "TYPE_OTHER"),
    (("columns", "hospital", "bounds"), ["0", "1"], "columns.hospital.bounds", "TYPE_OTHER"),
    (("columns", "hospital", "step"), 1, "columns.hospital.step", "TYPE_OTHER"),
    (("columns", "hospital", "domain"), [1, 2], "columns.hospital.domain", "TYPE_OTHER"),
    (("columns", "days", "domain"), ["a"], "columns.days.domain", "TYPE_OTHER"),
    (("columns", "visit_date", "domain"), ["2024-01-01"], "columns.visit_date.domain", "TYPE_OTHER"),
]


@pytest.mark.parametrize(
    ("path", "value", "place", "reason"), ITEM_PLACES, ids=[f"{i}-{line[3]}" for i, line in enumerate(ITEM_PLACES)]
)
def test_a_catalog_item_is_held_to_its_shape(tmp_path: Path, path: tuple[Any, ...], value: Any, place: str, reason: str) -> None:
    document: Any = json.loads(json.dumps(ITEM))
    target = document
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = value
    (tmp_path / "visits.yaml").write_text(json.dumps(document))
    with pytest.raises(DocumentRefusedError) as caught:
        load_catalog(tmp_path)
    assert (place, reason) in {(fault.path, fault.reason) for fault in caught.value.faults}


def test_two_files_for_one_table_are_refused(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(json.dumps(ITEM))
    with pytest.raises(DocumentRefusedError) as caught:
        load_catalog(tmp_path)
    assert [(fault.file, fault.reason) for fault in caught.value.faults] == [("b.yaml", "TABLE_TWICE")]


def test_a_fault_teaches_what_is_allowed_in_both_languages(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(json.dumps(changed(("environment",), ["test"])))
    with pytest.raises(DocumentRefusedError) as caught:
        load_policy(tmp_path / "p.yaml")
    assert [fault.as_json() for fault in caught.value.faults] == [
        {
            "file": "p.yaml",
            "path": "environment.0",
            "rule": "ENVIRONMENT_UNKNOWN",
            "detail": "dev, prod",
            "title": {"zh": "未知的环境", "en": "The environment is unknown"},
        }
    ]


# --- the reasons


def test_reasons_are_in_two_languages_and_each_is_given_somewhere() -> None:
    assert all(re.search(r"[\u4e00-\u9fff]|true", text.zh) and re.search(r"[a-z]", text.en) for text in REASONS.values())
    root = Path(__file__).parents[2]
    given = "".join(
        path.read_text() for folder in ("policies", "sandbox", "tests/unit") for path in (root / folder).rglob("*.py")
    )
    assert [code for code in REASONS if given.count(f'"{code}"') < 2] == []


def test_an_error_type_that_is_not_known_is_told_in_general_words() -> None:
    class Model(BaseModel):
        size: Annotated[int, Field(multiple_of=2)]

    document = {"size": 3}
    with pytest.raises(ValidationError) as caught:
        Model.model_validate(document)
    assert [(one.place, one.reason) for one in broken_places(document, caught.value)] == [(("size",), "SHAPE")]


def test_only_error_types_of_the_library_are_mapped() -> None:
    assert set(_OF_TYPE) - set(get_args(ErrorType)) == set()
    assert set(_OF_TYPE.values()) <= set(REASONS)
    assert set(YAML_REASONS) <= set(REASONS)


def test_a_fault_is_a_value() -> None:
    assert DocumentFault("f", "p", "SHAPE") == DocumentFault("f", "p", "SHAPE")
