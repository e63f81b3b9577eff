"""The generated pages say what the code says, and nothing in the code is missing from them."""

import ast
import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import jsonschema
import pytest

from policies import findings
from policies.catalog import CatalogItem
from policies.policy import Policy
from policies.reasons import REASONS
from sandbox.api.routes import ROUTES
from sandbox.isolation.child.codes import RUN_CODES
from sandbox.kernel import errors
from sandbox.kernel.paths import PREFIX
from sandbox.kernel.roles import Role
from sandbox.kernel.settings import Settings

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PACKAGES = ("sandbox", "policies", "tenants", "connectors", "egress")


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    sys.path.insert(0, str(DOCS))  # as it is when the script runs
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def constants(wanted: Callable[[str], bool]) -> set[str]:
    """Texts in the code of the files whose name is wanted; what only stands within a longer text is not among them."""
    return {
        node.value
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if wanted(path.relative_to(ROOT).as_posix())
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_every_page_is_what_the_code_prints(generator: ModuleType) -> None:
    assert generator.differing() == ()


def test_pages_do_not_depend_on_the_hash_seed() -> None:
    for seed in ("1", "2"):
        run = subprocess.run(
            [sys.executable, DOCS / "generate.py", "--check"],
            env={"PYTHONHASHSEED": seed},
            cwd=ROOT,
            capture_output=True,
            check=False,
        )
        assert run.returncode == 0, run.stderr


def test_a_changed_page_is_noticed(generator: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generator, "DOCS", tmp_path)
    assert generator.main([]) == 0
    assert generator.main(["--check"]) == 0
    (tmp_path / "errors.md").write_text("something else", encoding="utf-8")
    (tmp_path / "states.md").unlink()
    assert set(generator.differing()) == {"errors.md", "states.md"}
    assert generator.main(["--check"]) == 1


def test_every_code_stands_on_the_page_of_errors() -> None:
    text = (DOCS / "errors.md").read_text(encoding="utf-8")
    assert [code for code in (*errors.CATALOGUE, *findings.CATALOGUE) if f"| `{code}` |" not in text] == []


def test_every_reason_of_a_document_stands_on_the_page_of_errors() -> None:
    text = (DOCS / "errors.md").read_text(encoding="utf-8")
    assert [reason for reason in REASONS if f"| `{reason}` |" not in text] == []


def test_every_rule_of_the_sql_policy_stands_on_the_page_of_errors() -> None:
    text = (DOCS / "errors.md").read_text(encoding="utf-8")
    assert [kind.rule for kind in findings.CATALOGUE.values() if f"| {kind.rule} |" not in text] == []


def test_a_code_of_both_catalogues_is_a_refusal_in_both() -> None:
    shared = set(errors.CATALOGUE) & set(findings.CATALOGUE)
    assert {(errors.CATALOGUE[code].status, findings.CATALOGUE[code].severity) for code in shared} <= {(403, "error")}


def test_every_code_that_is_raised_is_in_the_catalogue() -> None:
    raised = {
        (path.name, code)
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        for code in re.findall(r'YuneiError\(\s*"([A-Z_]+)"', path.read_text(encoding="utf-8"))
    }
    assert {pair for pair in raised if pair[1] not in errors.CATALOGUE} == set()


def test_every_code_of_the_catalogue_is_raised_or_mapped_somewhere() -> None:
    """A code that nothing gives would be a promise without anybody who keeps it; the table of routes is no such place."""
    given = constants(lambda name: name not in {"sandbox/kernel/errors.py", "sandbox/api/routes.py"})
    assert set(errors.CATALOGUE) - given == set()


def test_no_route_documents_the_outcome_of_a_run() -> None:
    assert {code for route in ROUTES for code in route.codes} <= set(errors.PROBLEMS)
    assert set(RUN_CODES.values()) <= {*errors.RUN_OUTCOMES, "ISOLATION_BELOW_REQUIRED"}


def test_every_setting_stands_on_its_page() -> None:
    text = (DOCS / "settings.md").read_text(encoding="utf-8")
    assert [name for name in Settings.model_fields if f"| `YUNEI_{name.upper()}` |" not in text] == []
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_every_setting_in_the_image_exists() -> None:
    text = "".join((ROOT / name).read_text(encoding="utf-8") for name in ("Dockerfile", "compose.yaml"))
    known = {f"YUNEI_{name.upper()}" for name in Settings.model_fields} | {"YUNEI_IMAGE", "YUNEI_BASE"}
    assert set(re.findall(r"YUNEI_[A-Z_]+", text)) - known == set()


def test_every_event_of_a_life_cycle_is_caused_by_some_code(generator: ModuleType) -> None:
    caused = constants(lambda name: not name.endswith("/model.py"))
    lines = {(cycle.name, line.event) for cycle in generator.lifecycles() for line in cycle.rows}
    assert {pair for pair in lines if pair[1] not in caused} == set()


def test_where_the_api_lies_is_written_once() -> None:
    spelt = {text for text in constants(lambda name: name != "sandbox/kernel/paths.py") if text.startswith(PREFIX)}
    assert spelt == set()
    assert f'"GET", "{PREFIX}/health"' in (ROOT / "deploy/healthcheck.py").read_text(encoding="utf-8")


def test_every_life_cycle_is_drawn(generator: ModuleType) -> None:
    text = (DOCS / "states.md").read_text(encoding="utf-8")
    cycles = generator.lifecycles()
    assert {"job", "service_agreement"} <= {cycle.name for cycle in cycles}
    assert [cycle.name for cycle in cycles if f"\n## {cycle.name}\n" not in text] == []


def test_life_cycles_are_declared_only_in_model_modules() -> None:
    declaring = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if re.search(r"(?<!class )\bLifecycle\(", path.read_text(encoding="utf-8"))
    }
    assert {name for name in declaring if not name.endswith("/model.py")} == set()


def test_every_role_has_a_word_in_both_languages() -> None:
    glossary = (DOCS / "GLOSSARY.md").read_text(encoding="utf-8")
    assert [role for role in Role if role is not Role.SYSTEM and f"`{role}`" not in glossary] == []


ITEM = {
    "table": "visits",
    "lineage": "health.visits",
    "institution": "org-health",
    "unit": {
        "kind": "resident",
        "key": "resident_id",
        "references": "residents.resident_id",
        "max_rows": 20,
        "size_band": 100000,
    },
    "columns": {
        "resident_id": {"type": "integer", "category": "direct_identifier", "level": "L3"},
        "cost": {"type": "decimal(10,2)", "category": "measure", "level": "L3", "bounds": ["0", "20000"], "step": "0.01"},
    },
}
POLICY = {
    "policy": "clinic-usage",
    "version": 1,
    "agreement": "agr-1",
    "purpose": ["public_health_planning"],
    "valid": {"from": "2026-01-01", "until": "2026-12-31", "max_jobs": 5},
    "environment": ["dev", "prod"],
    "protection": {"mode": "dp", "epsilon": "4.0", "delta": "0.0000001", "per_job_epsilon_max": "0.5"},
    "output": {"max_rows": 100, "max_cells": 1000},
    "review": {"route": "two_person"},
    "tables": {"visits": {"unit": {"key": "resident_id"}, "columns": {"cost": {"use": ["aggregate"], "functions": ["sum"]}}}},
}


@pytest.mark.parametrize(("name", "document"), [("catalog-item", ITEM), ("policy", POLICY)])
def test_published_schemas_accept_a_document_that_the_service_accepts(name: str, document: dict[str, object]) -> None:
    schema = json.loads((DOCS / f"schemas/{name}.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(document, schema)
    (CatalogItem if name == "catalog-item" else Policy).model_validate(document)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**document, "unheard_of": True}, schema)
