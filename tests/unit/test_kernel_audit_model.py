"""Leaves and openings: one canonical form, and commitments that bind."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.kernel.audit.model import AuditEvent, Opening, commitment, entry, leaf_bytes, parse_opening
from sandbox.kernel.canonical import canonical_bytes
from sandbox.kernel.clock import stamp

EVENT = AuditEvent("job.submitted", "job-1", "per-wang", ("org-b", "org-a", "org-a"), {"n": 1})


@given(st.integers(0, 2**53 - 1), st.datetimes(), st.binary(min_size=32, max_size=32), st.binary())
def test_a_leaf_is_canonical_json(index: int, moment: Any, nonce: bytes, payload: bytes) -> None:
    tick, commit = stamp(moment), commitment(nonce, payload)
    assert leaf_bytes(index, tick, commit) == canonical_bytes({"v": 1, "index": index, "tick": tick, "commit": commit})


@pytest.mark.parametrize(("tick", "commit"), [('x"', "ab"), ("2026", 'ab"'), ("2026\n", "ab"), ("2026", "é")])
def test_a_leaf_holds_nothing_that_needs_an_escape(tick: str, commit: str) -> None:
    with pytest.raises(ValueError):
        leaf_bytes(0, tick, commit)


def test_an_entry_and_its_opening_are_one_leaf() -> None:
    made = entry(7, "2026", bytes(32), EVENT)
    assert Opening(7, "2026", bytes(32), EVENT.as_json()).leaf() == made.leaf
    assert EVENT.as_json()["tenants"] == ["org-a", "org-b"]


def test_a_commitment_binds_nonce_and_payload() -> None:
    found = {commitment(bytes(32), b"a"), commitment(bytes(32), b"b"), commitment(b"1" + bytes(31), b"a")}
    assert len(found) == 3


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"v": True},
        {"index": True},
        {"index": "7"},
        {"tick": 1},
        {"nonce": "AAAA"},
        {"nonce": "!"},
        {"event": []},
        {"extra": 1},
        {"index": None},
    ],
)
def test_openings_have_one_spelling(change: dict[str, Any]) -> None:
    document = Opening(7, "2026", bytes(32), EVENT.as_json()).as_json()
    assert parse_opening(document).index == 7
    with pytest.raises(ValueError):
        parse_opening({**document, **change})
