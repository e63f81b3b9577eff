"""A policy's own cases say what a dry run says: with parameters, purpose and environment, and of the plan too."""

from pathlib import Path

import pytest

from policies.documents import DocumentRefusedError
from sandbox.jobs.cases import run_cases, run_directory
from tests.apply_directory import documents, write_directory
from tests.factories_policies import grant

ALLOWED = "SELECT gender, count(*) AS n FROM residents GROUP BY gender"
BY_DAY = "SELECT count(*) AS n FROM visits WHERE visit_date >= $day AND department = $ward"


def test_cases_pass_and_fail_by_what_is_found() -> None:
    cases = [
        {"sql": ALLOWED, "expect": "allowed"},
        {"sql": "SELECT name FROM residents", "expect": {"refused": "COLUMN_NOT_GRANTED"}},
        {"sql": ALLOWED, "expect": {"refused": "TABLE_NOT_GRANTED"}},
        {"sql": "SELECT name FROM residents", "expect": "allowed"},
        {"sql": "SELECT name FROM residents", "expect": {"refused": "SYNTAX"}},
    ]
    outcomes = list(run_cases(grant(cases=cases)))
    assert [outcome.passed for outcome in outcomes] == [True, True, False, False, False]
    assert [outcome.place for outcome in outcomes] == [0, 1, 2, 3, 4]
    assert [outcome.found for outcome in outcomes][2:4] == [(), ("COLUMN_NOT_GRANTED",)]
    passed, failed = outcomes[1].as_json(), outcomes[4].as_json()
    assert isinstance(passed, dict)
    assert isinstance(failed, dict)
    assert "findings" not in passed
    assert failed["found"] == ["COLUMN_NOT_GRANTED"]
    assert failed["findings"] == [item.as_json() for item in outcomes[4].findings]


def test_a_case_binds_parameters_of_every_type() -> None:
    parameters = {"day": {"date": "2025-01-01"}, "ward": "内科"}
    several = "SELECT count(*) AS n FROM residents WHERE insured = $a AND balance > $b AND balance < $c"
    cases = [
        {"sql": BY_DAY, "expect": "allowed", "parameters": parameters},
        {"sql": BY_DAY, "expect": {"refused": "PARAMETER_MISSING"}},
        {"sql": several, "expect": "allowed", "parameters": {"a": True, "b": 5, "c": {"decimal": "100.5"}}},
    ]
    assert [outcome.passed for outcome in run_cases(grant(cases=cases))] == [True, True, True]


def test_a_case_has_a_purpose_and_an_environment_of_its_own() -> None:
    cases = [
        {"sql": ALLOWED, "expect": "allowed", "purpose": "research", "environment": "dev"},
        {"sql": ALLOWED, "expect": {"refused": "POLICY_NOT_MATCHED"}, "purpose": "marketing"},
        {"sql": ALLOWED, "expect": {"refused": "POLICY_NOT_MATCHED"}, "environment": "prod"},
    ]
    found = grant(cases=cases, purpose=["public_health_planning", "research"], environment=["dev"])
    assert [outcome.passed for outcome in run_cases(found)] == [True, True, True]


def test_what_the_plan_refuses_a_case_refuses() -> None:
    output = {"max_rows": 1, "max_cells": 1, "min_units": 10}
    (outcome,) = run_cases(grant(cases=[{"sql": ALLOWED, "expect": {"refused": "RESULT_OVER_CAP"}}], output=output))
    assert outcome.passed


def test_a_directory_whose_policy_does_not_resolve_says_where_and_why(tmp_path: Path) -> None:
    assert [outcome.passed for outcome in run_directory(write_directory(tmp_path / "one"))] == [True, True]
    files = documents()
    files["policies/clinic.yaml"]["tables"]["residents"]["columns"]["salary"] = {"use": ["group"]}
    with pytest.raises(DocumentRefusedError) as caught:
        list(run_directory(write_directory(tmp_path / "two", files)))
    fault = caught.value.faults[0]
    assert (fault.file, fault.path, fault.reason) == ("clinic.yaml", "residents.salary", "POLICY_UNRESOLVED")
    assert fault.detail.startswith("POLICY_COLUMN_UNKNOWN: ")
