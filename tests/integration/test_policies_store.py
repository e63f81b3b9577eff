"""Policies over a database: every version stays, what is in force is resolved from what was published."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from policies.catalog import Catalog, CatalogItem
from policies.grant import Grant
from policies.policy import Policy
from policies.resolve import resolve
from policies.service import PolicyService, as_document
from policies.store import institutions_of
from sandbox.kernel.canonical import canonical_bytes
from sandbox.kernel.errors import YuneiError
from tests.apply_directory import AGREEMENT, Site, documents, open_site

DOCUMENTS = documents()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = open_site(tmp_path)
    yield site
    site.db.close()


def policy(**changes: object) -> Policy:
    return Policy.model_validate(DOCUMENTS["policies/clinic.yaml"] | changes)


def catalog(**changes: object) -> Catalog:
    item = CatalogItem.model_validate(DOCUMENTS["catalog/residents.yaml"] | changes)
    return Catalog(items={"residents": item})


def publish(site: Site, *arguments: Any) -> bool:
    with site.db.write() as tx:
        return site.policies.publish(tx, *arguments)


def refused(code: str) -> Any:
    return pytest.raises(YuneiError, match=rf"^{code}:")


def test_nothing_published_grants_nothing(site: Site) -> None:
    with site.db.read() as tx:
        assert site.policies.grant(tx, AGREEMENT) is None
        assert institutions_of(tx, AGREEMENT) == frozenset()


def test_what_was_published_is_in_force(site: Site) -> None:
    assert publish(site, policy(), catalog(), "system")
    fresh = PolicyService(site.clock, site.audit)
    for service in (site.policies, fresh):
        with site.db.read() as tx:
            grant = service.grant(tx, AGREEMENT)
        assert grant is not None
        assert grant.policy == policy()
        assert set(grant.tables["residents"].columns) == {"resident_id", "gender"}


def test_publishing_again_changes_nothing(site: Site) -> None:
    assert publish(site, policy(), catalog(), "system")
    before = site.events()
    assert not publish(site, policy(), catalog(), "system")
    assert site.events() == before


def test_other_content_needs_a_higher_version(site: Site) -> None:
    assert publish(site, policy(version=2), catalog(), "system")
    for version in (1, 2):
        with refused("POLICY_VERSION_USED"):
            publish(site, policy(version=version, purpose=["marketing"]), catalog(), "system")
    with refused("POLICY_VERSION_USED"):
        publish(site, policy(version=1), catalog(), "system")
    assert publish(site, policy(version=3, purpose=["marketing"]), catalog(), "system")
    with site.db.read() as tx:
        assert [one.version for one in site.policies.documents(tx, AGREEMENT)] == [2, 3]
        assert site.policies.documents(tx, AGREEMENT)[0] == policy(version=2)
        grant = site.policies.grant(tx, AGREEMENT)
    assert grant is not None
    assert grant.policy == policy(version=3, purpose=["marketing"])


def test_a_stricter_catalog_takes_effect_under_the_same_version(site: Site) -> None:
    publish(site, policy(), catalog(), "system")
    with site.db.read() as tx:
        before = site.policies.grant(tx, AGREEMENT)
    columns = json.loads(json.dumps(DOCUMENTS["catalog/residents.yaml"]["columns"]))
    columns["gender"]["domain"] = ["男"]
    assert publish(site, policy(), catalog(version=2, columns=columns), "system")
    with site.db.read() as tx:
        after = site.policies.grant(tx, AGREEMENT)
    assert before is not None
    assert after is not None
    assert before.tables["residents"].columns["gender"].domain == ("男", "女", "__other")
    assert after.tables["residents"].columns["gender"].domain == ("男", "__other")
    assert before.digest != after.digest


def test_a_catalog_item_on_which_the_grant_does_not_rest_changes_nothing(site: Site) -> None:
    publish(site, policy(), catalog(), "system")
    other = CatalogItem.model_validate(
        {
            "table": "codes",
            "lineage": "health.codes",
            "institution": "org-health",
            "public": True,
            "columns": {"code": {"type": "text", "category": "dimension", "level": "L1"}},
        }
    )
    wider = Catalog(items={**catalog().items, "codes": other})
    assert not publish(site, policy(), wider, "system")


def test_a_grant_that_is_loaded_is_the_one_published_where_the_units_own_table_is_not_granted(site: Site) -> None:
    own = catalog(unit={"kind": "resident", "key": "resident_id", "size_band": 1_000_000}).items["residents"]
    unit = {"kind": "resident", "key": "resident_id", "references": "residents.resident_id", "max_rows": 3, "size_band": 1000}
    child = {**DOCUMENTS["catalog/residents.yaml"], "table": "visits", "lineage": "health.visits", "unit": unit}
    items = Catalog(items={"residents": own, "visits": CatalogItem.model_validate(child)})
    terms = {**DOCUMENTS["policies/clinic.yaml"]["tables"]["residents"]}
    terms["unit"] = {"key": "resident_id", "references": "residents.resident_id"}
    protection = {**DOCUMENTS["policies/clinic.yaml"]["protection"], "delta": "0.00000001"}
    asked = policy(tables={"visits": terms}, protection=protection, cases=[])
    assert publish(site, asked, items, "system")
    published = resolve(asked, items)
    for service in (site.policies, PolicyService(site.clock, site.audit)):
        with site.db.read() as tx:
            assert service.grant(tx, AGREEMENT) == published
    assert isinstance(published, Grant)
    assert published.size_band == 1_000_000
    assert not publish(site, asked, items, "system")


def test_what_does_not_resolve_is_not_published(site: Site) -> None:
    with refused("POLICY_REFUSED") as caught:
        publish(site, policy(), Catalog(items={}), "system")
    assert caught.value.facts["findings"]
    assert site.events() == []


def test_an_institution_that_once_granted_keeps_seeing(site: Site) -> None:
    publish(site, policy(), catalog(), "system")
    publish(site, policy(version=2), catalog(version=2, institution="org-other"), "system")
    with site.db.read() as tx:
        assert institutions_of(tx, AGREEMENT) == frozenset({"org-health", "org-other"})


def test_the_parties_and_institutions_may_open_the_event(site: Site) -> None:
    publish(site, policy(), catalog(), "per-x", ("org-operator", "org-insurer"))
    with site.db.read() as tx:
        (stored,) = site.audit.events(tx, frozenset({"org-insurer"}), -1, 10)
    assert stored.event.actor == "per-x"
    assert set(stored.event.tenants) == {"org-health", "org-insurer", "org-operator"}


@pytest.mark.parametrize(
    ("table", "column", "before", "after"),
    [("policy_version", "document", '"epsilon":"4"', '"epsilon":"9"'), ("policy_binding", "catalog", '"L2"', '"L1"')],
)
def test_a_stored_document_that_was_altered_is_not_used(site: Site, table: str, column: str, before: str, after: str) -> None:
    publish(site, policy(), catalog(), "system")
    with site.db.write() as tx:
        altered = tx.execute(
            text(f"UPDATE {table} SET {column} = replace({column}, :before, :after)"), {"before": before, "after": after}
        )
        assert altered.rowcount == 1
    fresh = PolicyService(site.clock, site.audit)
    with refused("DEFECT"), site.db.read() as tx:
        fresh.grant(tx, AGREEMENT)


def test_a_publication_that_fails_leaves_nothing(site: Site) -> None:
    def act() -> None:
        with site.db.write() as tx:
            site.policies.publish(tx, policy(), catalog(), "system")
            raise ConnectionError

    with pytest.raises(ConnectionError):
        act()
    with site.db.read() as tx:
        assert site.policies.grant(tx, AGREEMENT) is None
    assert site.events() == []


def test_documents_read_back_equal_and_have_one_spelling() -> None:
    document = as_document(policy())
    assert Policy.model_validate_json(canonical_bytes(document)) == policy()
    assert canonical_bytes(as_document(policy())) == canonical_bytes(document)
    stored = canonical_bytes(as_document(catalog()))
    assert Catalog.model_validate_json(stored) == catalog()
