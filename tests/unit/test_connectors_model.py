"""Commitments, builds and the pure statement fragments of supply."""

import hashlib
import hmac
from decimal import Decimal

import duckdb
import pytest

from connectors.extraction import HMAC64
from connectors.final_form import engine_type, final_column, representable
from connectors.model import Build, TableExtract, commitment, schema_digest
from connectors.pseudonyms import hmac_pads
from policies.catalog import ColumnType
from sandbox.kernel.errors import YuneiError
from tests.supply_domain import RESIDENTS, column


def test_a_commitment_binds_kind_name_digest_and_nonce() -> None:
    first = commitment("extract", "ext-1/visits", "sha256:00", b"n" * 32)
    assert first.startswith("hmac-sha256:")
    others = {
        commitment("snapshot", "ext-1/visits", "sha256:00", b"n" * 32),
        commitment("extract", "ext-2/visits", "sha256:00", b"n" * 32),
        commitment("extract", "ext-1/visits", "sha256:01", b"n" * 32),
        commitment("extract", "ext-1/visits", "sha256:00", b"m" * 32),
    }
    assert len(others) == 4
    assert first not in others


def test_a_build_serves_exactly_its_grant_and_snapshots() -> None:
    table = TableExtract("visits", "snp-1", "p", "sha256:00", 1, b"")
    build = Build("ext-1", "agr", "prod", "sha256:aa", "now", (table,))
    assert build.serves("sha256:aa", {"visits": "snp-1"})
    assert not build.serves("sha256:bb", {"visits": "snp-1"})
    assert not build.serves("sha256:aa", {"visits": "snp-2"})
    assert not build.serves("sha256:aa", {})


def test_the_schema_digest_follows_names_and_types_only() -> None:
    assert schema_digest(RESIDENTS) == schema_digest(RESIDENTS.model_copy(update={"title": "other"}))
    columns = dict(RESIDENTS.columns)
    columns["income"] = columns["income"].model_copy(update={"type": ColumnType(kind="text")})
    assert schema_digest(RESIDENTS) != schema_digest(RESIDENTS.model_copy(update={"columns": columns}))


@pytest.mark.parametrize("message", ["", "a", "990101198005170019", "合成·王伟", "x" * 1000])
def test_the_engine_computes_hmac_sha256(message: str) -> None:
    key = bytes(range(32))
    with duckdb.connect() as engine:
        row = engine.execute(f"SELECT {HMAC64.format(message='$message')}", {**hmac_pads(key), "message": message}).fetchone()
    assert row == (int.from_bytes(hmac.digest(key, message.encode(), hashlib.sha256)[:8], "big"),)


def test_a_key_longer_than_a_block_is_refused() -> None:
    with pytest.raises(ValueError, match="block"):
        hmac_pads(b"k" * 65)


def test_decimals_have_the_declared_type_of_the_engine() -> None:
    assert engine_type(ColumnType(kind="decimal", precision=10, scale=2)) == "DECIMAL(10,2)"


def test_bounds_move_inwards_to_what_the_type_holds() -> None:
    fine = column("c", "decimal(5,2)", low=-5, high=100_000_000, step=Decimal("0.001"))
    assert representable(fine) == (Decimal("0.00"), Decimal("999.99"))
    whole = column("c", "integer", low=-(10**30), high=10**30, step=Decimal(1))
    assert representable(whole) == (Decimal(-(2**63) + 1), Decimal(2**63 - 1))
    with pytest.raises(YuneiError) as refused:
        representable(column("c", "decimal(5,2)", low=1, high=2, step=Decimal("0.001")))
    assert refused.value.facts["rule"] == "BOUNDS_EMPTY"


@pytest.mark.parametrize(
    ("granted", "value", "expected"),
    [
        (column("c", "text", domain=("a",)), "a", "a"),
        (column("c", "text", domain=("a",)), "A", "__other"),
        (column("c", "text", domain=()), "a", "__other"),
        (column("c", "text", domain=("it's",)), "it's", "it's"),
        (column("c", "integer", domain=(1, 2), low=1, high=2), 3, None),
        (column("c", "boolean", domain=(True,)), False, None),
        (column("c", "integer", low=0, high=10, step=Decimal(5)), 99, 50),
        (column("c", "integer", low=-4, high=10), -(2**63), -4),
        (column("c", "integer", low=0), 5, 5),
        (column("c", "text", coarsen="prefix:2", domain=("ab",)), "abc", "ab"),
        (column("c", "text", domain=("a",)), None, None),
        (column("c", "integer", low=1, high=2), None, None),
        (column("c", "text", domain=("a",), nullable=False), None, "__other"),
        (column("c", "text", domain=("a",), nullable=False), "b", "__other"),
        (column("c", "text", domain=("a",), nullable=False), "a", "a"),
        (column("c", "text", domain=("ab",), coarsen="prefix:2", nullable=False), "abc", "ab"),
    ],
)
def test_final_form_of_single_values(granted: object, value: object, expected: object) -> None:
    kind = engine_type(granted.type)
    with duckdb.connect() as engine:
        final = final_column(granted, "r")
        row = engine.execute(f"SELECT {final.sql} FROM (SELECT CAST($v AS {kind}) AS c) AS r", {"v": value}).fetchone()
    assert row == (expected,)


@pytest.mark.parametrize(
    ("kind", "coarsen"),
    [("text", "year"), ("date", "prefix:3"), ("text", "prefix:x"), ("integer", "month"), ("text", "suffix:1")],
)
def test_a_coarsening_that_does_not_fit_the_type_is_refused(kind: str, coarsen: str) -> None:
    with pytest.raises(YuneiError) as refused:
        final_column(column("c", kind, coarsen=coarsen), "r")
    assert refused.value.facts["rule"] == "COARSEN_UNKNOWN"
