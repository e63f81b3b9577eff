"""Attacks on supply: raw values in extracts, prod seen from dev, leaks by error or statement, readable files."""

import stat
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from connectors import engine as engine_module
from connectors import workshop
from connectors.engine import SupplyEngine
from policies.grant import PSEUDONYM, UNIT
from sandbox.kernel.data_keys import DataKeys
from sandbox.kernel.errors import YuneiError
from sandbox.kernel.keys import KeyRing
from tests.supply_domain import (
    GRANTED_RESIDENTS,
    GRANTED_VISITS,
    VISITS,
    Domain,
    column,
    make_grant,
    resident,
    visit,
)

CANARY_ID = "99010119800517001X"
CANARY_NAME = f"name of {CANARY_ID}"


def values(path: str) -> str:
    """Every cell of an extract and its metadata, uncompressed, as text."""
    table = pq.read_table(path)
    metadata = pq.read_metadata(path)
    return (
        str(table.to_pylist())
        + str(metadata.metadata)
        + str([metadata.row_group(i).to_dict() for i in range(metadata.num_row_groups)])
    )


def test_no_raw_identifier_or_ungranted_value_is_in_an_extract(domain: Domain) -> None:
    domain.load(
        [resident(CANARY_ID, district="canary district"), resident("b")], [visit(CANARY_ID, 424242, "J06.9canary", "19384.71")]
    )
    grant = make_grant(GRANTED_RESIDENTS, replace(GRANTED_VISITS, columns={"code": GRANTED_VISITS.columns["code"]}))
    domain.build(grant)
    sealed = domain.workspace().extracts
    with domain.supply.vault.opened(sealed) as opened:
        for ref in opened:
            text = values(ref.path)
            for canary in (CANARY_ID, CANARY_NAME, "canary", "424242", "19384.71", "938471"):
                assert canary not in text
                assert canary.encode() not in Path(ref.path).read_bytes()


def test_pseudonyms_cannot_be_recomputed_without_the_key(domain: Domain, tmp_path: Path) -> None:
    domain.load([resident(CANARY_ID)], [])
    first = domain.build()["residents"][PSEUDONYM].to_pylist()
    other = Domain(tmp_path / "other") if (tmp_path / "other").mkdir() is None else domain
    other.load([resident(CANARY_ID)], [])
    assert other.build()["residents"][PSEUDONYM].to_pylist() != first
    other.close()


def test_dev_never_opens_prod_rows_paths_or_keys(domain: Domain, monkeypatch: pytest.MonkeyPatch) -> None:
    domain.load([resident(CANARY_ID)], [visit(CANARY_ID, cost="19384.71")])
    prod = domain.build()
    shaken: list[str] = []

    def forbidden(*_: object, **__: object) -> object:
        shaken.append("touched")
        raise AssertionError

    secret, read = KeyRing.secret, DataKeys.read
    monkeypatch.setattr(KeyRing, "secret", lambda ring, *of: secret(ring, *of) if of == ("seal", "data-key") else forbidden())
    monkeypatch.setattr(DataKeys, "read", lambda keys, name: read(keys, name) if name == "dev.agr-test" else forbidden())
    monkeypatch.setattr(engine_module.duckdb, "connect", forbidden)
    monkeypatch.setattr(workshop, "file_digest", forbidden)
    for path in (domain.data / "raw").rglob("*"):
        path.chmod(0)
    dev = domain.build(environment="dev")
    assert shaken == []
    refs = domain.workspace("dev").extracts
    assert all(Path(ref.path).is_relative_to(domain.data / "extracts" / "dev") for ref in refs)
    with domain.supply.vault.opened(refs) as opened:
        assert all(CANARY_ID not in values(ref.path) for ref in opened)
    assert set(dev["residents"][PSEUDONYM].to_pylist()).isdisjoint(prod["residents"][PSEUDONYM].to_pylist())


def test_a_twin_does_not_depend_on_the_data(domain: Domain) -> None:
    domain.build(environment="dev")
    before = [ref.digest for ref in domain.workspace("dev").extracts]
    domain.load([resident(CANARY_ID)], [visit(CANARY_ID)])
    for ref in domain.workspace("dev").extracts:
        Path(ref.path).unlink()
    domain.build(environment="dev")
    assert [ref.digest for ref in domain.workspace("dev").extracts] == before


def test_directories_and_files_are_private(domain: Domain) -> None:
    domain.load([resident("a")], [visit("a")])
    domain.build()
    domain.build(environment="dev")
    paths = [domain.data, *domain.data.rglob("*")]
    assert len([path for path in paths if path.is_file()]) == 12
    for path in paths:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_the_layout_is_by_environment_agreement_and_extract(domain: Domain) -> None:
    domain.load([resident("a")], [visit("a")])
    domain.build()
    workspace = domain.workspace()
    for ref in workspace.extracts:
        assert Path(ref.path) == domain.data / "extracts" / "prod" / "agr-test" / workspace.id / f"{ref.table}.sealed"
        assert ref.extract == workspace.id


def test_secrets_and_data_values_stand_in_no_statement(domain: Domain, monkeypatch: pytest.MonkeyPatch) -> None:
    statements: list[str] = []
    run, rows, write = SupplyEngine.run, SupplyEngine.rows, SupplyEngine.write

    def note(inner):
        def noted(self, sql, *rest):
            statements.append(sql)
            return inner(self, sql, *rest)

        return noted

    for name, inner in (("run", run), ("rows", rows), ("write", write)):
        monkeypatch.setattr(SupplyEngine, name, note(inner))
    domain.load([resident(CANARY_ID)], [visit(CANARY_ID, cost="19384.71")])
    columns = dict(GRANTED_VISITS.columns) | {"visit_id": column("visit_id", "integer", key_of="visits.visit_id")}
    domain.build(make_grant(GRANTED_RESIDENTS, replace(GRANTED_VISITS, columns=columns)))
    text = "\n".join(statements)
    assert len(statements) > 10
    assert CANARY_ID not in text
    assert "19384" not in text
    for secret in (
        domain.keys.secret("pseudonym", "agr-test", "residents.resident_id"),
        domain.keys.secret("pseudonym", "agr-test", "visits.visit_id"),
        domain.keys.secret("rank", "agr-test", "visits"),
    ):
        assert secret.hex() not in text.lower()
        assert repr(secret)[2:-1] not in text


def test_refusals_never_repeat_a_value(domain: Domain) -> None:
    file = domain.root / "visits.csv"
    header = ",".join(VISITS.columns)
    for line in (
        f"{CANARY_ID},a,h,2025-01-01,c,1,1.00",
        f"1,a,h,{CANARY_ID},c,1,1.00",
        f"1,{CANARY_ID}",
        f'1,"{CANARY_ID}"x,h,2025-01-01,c,1,1.00',
    ):
        file.write_text(f"{header}\n{line}\n")
        with pytest.raises(YuneiError) as refused:
            domain.ingest_file(VISITS, file)
        error = refused.value
        assert CANARY_ID not in f"{error!r}{error.facts}"
        assert error.__cause__ is None
        assert error.__suppress_context__ or error.__context__ is None
    file.write_text(f"{header},{CANARY_ID}\n")
    with pytest.raises(YuneiError) as undeclared:
        domain.ingest_file(VISITS, file)
    assert CANARY_ID not in str(undeclared.value.facts)


def test_the_engine_reads_nothing_beyond_its_directories(tmp_path: Path) -> None:
    outside = tmp_path / "outside.csv"
    outside.write_text("a\n1\n")
    (tmp_path / "inside").mkdir()
    with SupplyEngine(tmp_path / "scratch", [tmp_path / "inside"]) as engine:
        for statement in (
            f"SELECT * FROM read_csv('{outside}')",
            f"SELECT * FROM read_csv('{tmp_path}/inside/../outside.csv')",
            "SELECT * FROM read_text('/etc/passwd')",
            f"COPY (SELECT 1) TO '{tmp_path}/written.csv'",
            f"ATTACH '{tmp_path}/x.db'",
            "INSTALL httpfs",
            "LOAD httpfs",
            "SET enable_external_access = true",
            "SET allowed_directories = ['/']",
        ):
            with pytest.raises(YuneiError) as refused:
                engine.rows(statement)
            assert refused.value.facts == {"rule": "ENGINE"}
    assert not (tmp_path / "written.csv").exists()


def test_an_engine_error_says_nothing_about_the_value(tmp_path: Path) -> None:
    with SupplyEngine(tmp_path / "scratch", []) as engine, pytest.raises(YuneiError) as refused:
        engine.rows(f"SELECT CAST('{CANARY_ID}' AS BIGINT)")
    assert CANARY_ID not in f"{refused.value!r}{refused.value.facts}"
    assert refused.value.__suppress_context__


def test_a_symlink_in_place_of_a_new_file_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("kept")
    (tmp_path / "new").symlink_to(victim)
    with pytest.raises(OSError, match="exists"):
        engine_module.DigestedFile(tmp_path / "new")
    assert victim.read_text() == "kept"


def test_the_dense_id_says_nothing_about_the_order_of_keys(domain: Domain) -> None:
    keys = [f"k{i:04d}" for i in range(300)]
    domain.load([resident(key, income=i) for i, key in enumerate(keys)], [])
    rows = domain.build()["residents"]
    incomes = [row["income"] for row in sorted(rows.to_pylist(), key=lambda row: row[UNIT])]
    rising = sum(1 for low, high in pairwise(incomes) if low < high)
    assert 100 < rising < 200, "299 neighbours, each rising with probability one half; outside by chance under 1e-8"
