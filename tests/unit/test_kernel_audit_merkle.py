"""The tree against the published vectors of RFC 6962 and against every proof of every small tree."""

import hashlib

import pytest

from sandbox.kernel.audit import merkle

# The eight leaves and the roots used by the certificate-transparency project's own tests of RFC 6962.
LEAVES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def naive_root(leaves: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + naive_root(leaves[:k]) + naive_root(leaves[k:])).digest()


def tree(leaves: list[bytes]) -> dict[int, bytes]:
    return dict(merkle.grow(0, [], [merkle.leaf_hash(leaf) for leaf in leaves]))


def root(nodes: dict[int, bytes], size: int) -> bytes:
    return merkle.range_hash((0, size), nodes)


def test_published_roots() -> None:
    nodes = tree(LEAVES)
    assert [root(nodes, size).hex() for size in range(1, 9)] == ROOTS
    assert merkle.fold([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_growing_one_by_one_equals_growing_at_once() -> None:
    leaves = [bytes([i]) for i in range(64)]
    nodes: dict[int, bytes] = {}
    for size, leaf in enumerate(leaves):
        frontier = [nodes[place] for place in merkle.cover((0, size))]
        nodes.update(merkle.grow(size, frontier, [merkle.leaf_hash(leaf)]))
    assert nodes == tree(leaves)
    assert [root(nodes, size) for size in range(65)] == [naive_root(leaves[:size]) for size in range(65)]


def test_positions_are_unique() -> None:
    names = [merkle.position(level, index) for level in range(8) for index in range(128 >> level)]
    assert len(set(names)) == len(names)


def test_every_inclusion_proof_up_to_64() -> None:
    nodes = tree([bytes([i]) for i in range(64)])
    for size in range(1, 65):
        head = root(nodes, size)
        for index in range(size):
            proof = [merkle.range_hash(span, nodes) for span in merkle.inclusion_ranges(index, size)]
            leaf = merkle.leaf_hash(bytes([index]))
            assert merkle.verify_inclusion(leaf, index, size, proof, head)
            assert not merkle.verify_inclusion(merkle.leaf_hash(b"other"), index, size, proof, head)
            assert not merkle.verify_inclusion(leaf, index, size, [*proof, head], head)
            assert size == 1 or not merkle.verify_inclusion(leaf, index, size, proof[:-1], head)
            assert size == 1 or not merkle.verify_inclusion(leaf, (index + 1) % size, size, proof, head)


def test_every_consistency_proof_up_to_64() -> None:
    nodes = tree([bytes([i]) for i in range(64)])
    for size in range(1, 65):
        head = root(nodes, size)
        for old in range(1, size + 1):
            proof = [merkle.range_hash(span, nodes) for span in merkle.consistency_ranges(old, size)]
            assert merkle.verify_consistency(old, root(nodes, old), size, head, proof)
            assert not merkle.verify_consistency(old, merkle.leaf_hash(b"x"), size, head, proof)
            assert not merkle.verify_consistency(old, root(nodes, old), size, merkle.leaf_hash(b"x"), proof)
            assert not merkle.verify_consistency(old, root(nodes, old), size, head, [*proof, head])
            assert old == size or not merkle.verify_consistency(old, root(nodes, old), size, head, proof[:-1])


@pytest.mark.parametrize(("index", "size"), [(-1, 4), (4, 4), (0, 0)])
def test_no_proof_outside_the_tree(index: int, size: int) -> None:
    with pytest.raises(ValueError):
        merkle.inclusion_ranges(index, size)
    assert not merkle.verify_inclusion(merkle.leaf_hash(b""), index, size, [], merkle.leaf_hash(b""))


@pytest.mark.parametrize(("old", "size"), [(0, 4), (5, 4)])
def test_no_consistency_with_nothing_or_with_the_future(old: int, size: int) -> None:
    with pytest.raises(ValueError):
        merkle.consistency_ranges(old, size)
    assert not merkle.verify_consistency(old, b"", size, b"", [])
