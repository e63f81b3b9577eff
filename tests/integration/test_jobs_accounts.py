"""Which accounts a question is charged to, and that no later declaration gives it fresh ones; and whose answer it gets."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.jobs.apply import apply
from sandbox.kernel.errors import YuneiError
from tests.small_city import ENDED, SETTLED, City, ask, small_city

VISITS_SQL = "SELECT count(*) AS n FROM visits"
RATE_SQL = "SELECT department, sum(cost * $rate) / count(*) AS mean FROM visits GROUP BY department"


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with small_city(tmp_path_factory.mktemp("accounts")) as opened:
        yield opened


def test_a_table_whose_units_another_one_names_is_charged_to_both(city: City) -> None:
    """Supply keeps the visits of residents only, so one row of the residents' table moves an answer about visits."""
    city.promote(VISITS_SQL)
    job = city.submit(ask(VISITS_SQL, epsilon="0.3"), "visits")
    city.until(job["id"], SETTLED)
    with city.container.db.read() as tx:
        charged = city.container.ledger.charge_of(tx, job["id"])
        declared = city.container.catalog.items(tx).items
    assert charged is not None
    assert set(charged.charge.lineages) == {declared["visits"].lineage, declared["residents"].lineage}


def test_who_names_the_units_of_a_table_has_a_say_in_what_is_released_of_it(city: City) -> None:
    """The bureau of the visits and the authority are two people; without the residents' bureau they release nothing."""
    city.promote(VISITS_SQL)
    job = city.submit(ask(VISITS_SQL, epsilon="0.2"), "owners")
    request = city.until(job["id"], SETTLED)["review"]
    assert city.container.reviews.get(city.person("per-wang"), request)["institutions"] == ["org-civil", "org-health"]
    city.review(request, "per-wang", "per-li")
    assert city.container.reviews.get(city.person("per-wang"), request)["state"] == "partially_reviewed"
    city.review(request, "per-ning")
    assert city.until(job["id"], ENDED)["state"] == "released"


def test_a_rate_of_a_tenth_is_not_answered_with_that_of_one(city: City) -> None:
    city.promote(RATE_SQL, parameters={"rate": 5})
    first = city.submit(ask(RATE_SQL, parameters={"rate": 5}, epsilon="0.3"), "five")
    city.review(city.until(first["id"], SETTLED)["review"], "per-ning", "per-wang")
    released = city.until(first["id"], ENDED)
    stated = city.container.releases.manifest(city.person("per-zhao"), released["release"])["statement"]["predicate"]
    assert stated["query"]["parameters"] == {"rate": {"integer": "5"}}, (
        "a number means nothing without the value it was made with"
    )
    again = city.submit(ask(RATE_SQL, parameters={"rate": 5}, epsilon="0.30"), "five again")
    assert (again["state"], again["release"]) == ("released", released["release"])
    other = city.submit(ask(RATE_SQL, parameters={"rate": Decimal("0.5")}, epsilon="0.3"), "half")
    assert (other["state"], other["release"]) == ("queued", None)


def renamed(documents: dict[Path, Any]) -> None:
    for document in documents.values():
        for one in document if isinstance(document, list) else [document]:
            if one.get("lineage") == "health.visits":
                one["lineage"] = "health.visits_anew"


def recounted(documents: dict[Path, Any]) -> None:
    for document in documents.values():
        for one in document if isinstance(document, list) else [document]:
            if "unit_kind" in one:
                one["unit_kind"] = "firm"
            if isinstance(one.get("unit"), dict) and "kind" in one["unit"]:
                one["unit"]["kind"] = "firm"


@pytest.mark.parametrize(("change", "field"), [(renamed, "lineage"), (recounted, "unit.kind")])
def test_no_later_version_of_a_table_moves_to_an_account_that_is_whole(city: City, change: Any, field: str) -> None:
    directory = city.directory / "city"
    texts = {path: path.read_text() for path in [*directory.glob("catalog/*.yaml"), directory / "budgets.yaml"]}
    documents = {path: yaml.safe_load(text) for path, text in texts.items()}
    change(documents)
    for path, document in documents.items():
        if isinstance(document, dict):
            document["version"] = document.get("version", 1) + 1
        path.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False))
    try:
        with pytest.raises(YuneiError) as refused:
            apply(city.container, directory, "system")
    finally:
        for path, text in texts.items():
            path.write_text(text)
    assert (refused.value.code, refused.value.facts["field"]) == ("OBJECT_FIXED", field)
