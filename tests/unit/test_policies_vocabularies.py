"""Closed vocabularies are data, published in the schemas; decimals, days and cases have one form each."""

import json
import re
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import get_args

import pytest
from hatchling.builders.wheel import WheelBuilder
from pydantic import TypeAdapter, ValidationError

from policies.catalog import Catalog, CatalogItem, Day, Exact
from policies.findings import CATALOGUE
from policies.policy import AggregateName, Environment, Policy, Route, Use
from policies.service import as_document
from policies.vocabularies import AS_STORED, RULEBOOKS, purposes, unit_kinds, vocabulary
from sandbox.kernel.canonical import canonical_bytes
from tests.factories_policies import catalog, policy, policy_document

# --- vocabularies


@pytest.mark.parametrize("name", ["purposes", "units"])
def test_a_vocabulary_is_named_like_its_file_and_gives_each_word_in_both_languages(name: str) -> None:
    book = vocabulary(name)
    assert book.rulebook == name
    assert book.article.startswith("第")
    assert all(re.search(r"[\u4e00-\u9fff]", word.zh) and word.en[0].isupper() for word in (book.title, *book.words.values()))
    assert len({word.zh for word in book.words.values()}) == len({word.en for word in book.words.values()}) == len(book.words)


def test_the_schema_publishes_the_closed_vocabularies() -> None:
    schema = Policy.model_json_schema()
    fields, defs = schema["properties"], schema["$defs"]
    assert fields["purpose"]["items"]["enum"] == sorted(purposes())
    assert defs["Refused"]["properties"]["refused"]["enum"] == sorted(CATALOGUE)
    assert set(defs["ColumnTerms"]["properties"]["functions"]["items"]["enum"]) == set(get_args(AggregateName))
    assert set(defs["ColumnTerms"]["properties"]["use"]["items"]["enum"]) == set(get_args(Use))
    assert set(fields["environment"]["items"]["enum"]) == set(get_args(Environment))
    assert set(defs["Review"]["properties"]["route"]["enum"]) == set(get_args(Route))
    assert CatalogItem.model_json_schema()["$defs"]["UnitPath"]["properties"]["kind"]["enum"] == sorted(unit_kinds())


@pytest.mark.parametrize("function", ["count", "sum", "avg", "variance", "stddev", "min", "max", "quantile"])
def test_every_aggregate_function_may_be_granted(function: str) -> None:
    document = policy_document()
    document["tables"]["visits"]["columns"]["cost"]["functions"] = [function]
    assert Policy.model_validate(document).tables["visits"].columns["cost"].functions == {function}


def test_what_was_published_keeps_its_words_when_a_vocabulary_loses_them() -> None:
    document = as_document(policy())
    assert isinstance(document, dict)
    document["purpose"] = ["an_older_purpose"]
    document["cases"] = [{"sql": "SELECT 1", "expect": {"refused": "AN_OLDER_CODE"}}]
    text = canonical_bytes(document)
    assert Policy.model_validate_json(text, context=AS_STORED).purpose == ("an_older_purpose",)
    with pytest.raises(ValidationError):
        Policy.model_validate_json(text)
    items = as_document(catalog())
    assert isinstance(items, dict)
    stored = canonical_bytes(items).replace(b'"kind":"resident"', b'"kind":"an_older_kind"')
    assert Catalog.model_validate_json(stored, context=AS_STORED)
    with pytest.raises(ValidationError):
        Catalog.model_validate_json(stored)


# --- decimals and days


@pytest.mark.parametrize(
    "text", ["0", "-1", "0.0000001", "1E-7", "1e-17", "1.5E-7", "12345678901234567890.12345678901234567890", "0E-9"]
)
def test_a_decimal_reads_back_from_how_it_is_stored(text: str) -> None:
    adapter: TypeAdapter[Decimal] = TypeAdapter(Exact)
    read = adapter.validate_python(text)
    assert read == Decimal(text)
    assert adapter.validate_json(json.dumps(str(read))) == read
    assert adapter.validate_python(read) == read


def test_a_day_is_a_date_and_no_time() -> None:
    adapter: TypeAdapter[date] = TypeAdapter(Day)
    assert adapter.validate_python("2026-02-28") == adapter.validate_python(date(2026, 2, 28)) == date(2026, 2, 28)
    for wrong in (datetime(2026, 2, 28), datetime(2026, 2, 28, 1), 0, 1.5, "1e3", "２０２６-02-28", b"2026-02-28", None):  # noqa: DTZ001
        with pytest.raises(ValidationError):
            adapter.validate_python(wrong)


def test_what_a_case_leaves_out_is_not_in_the_stored_document() -> None:
    """A digest that changed with what cases can say would put every published policy out of force."""
    bare = policy(cases=[{"sql": "SELECT 1", "expect": "allowed"}])
    document = as_document(bare)
    assert isinstance(document, dict)
    assert document["cases"] == [{"sql": "SELECT 1", "expect": "allowed"}]
    whole = {
        "sql": "SELECT 1",
        "expect": {"refused": "SYNTAX"},
        "parameters": {"a": {"date": "2026-01-01"}, "b": {"decimal": "0.1"}, "c": 1, "d": True, "e": "x"},
        "purpose": "research",
        "environment": "prod",
    }
    full = policy(cases=[whole])
    stored = as_document(full)
    assert isinstance(stored, dict)
    assert stored["cases"] == [whole]
    assert Policy.model_validate_json(canonical_bytes(stored)) == full


def test_the_rulebooks_are_part_of_the_distribution() -> None:
    root = Path(__file__).parents[2]
    packed = {file.relative_path for file in WheelBuilder(str(root)).recurse_included_files()}
    assert {f"policies/rulebooks/{path.name}" for path in RULEBOOKS.iterdir()} <= packed
