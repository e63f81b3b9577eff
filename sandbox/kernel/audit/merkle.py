"""The Merkle tree of RFC 6962, as arithmetic on complete subtrees. Pure: hashes in, hashes out.

Source: RFC 6962 section 2.1 (tree, audit path, consistency proof); RFC 9162 sections 2.1.3.2 and 2.1.4.2 (verification).

Only complete subtrees are ever stored, each under one integer, so that an append writes two hashes on average and a
proof reads O(log n) of them. Names: level 0 holds leaf hashes; subtree (level, i) covers leaves [i·2^level, (i+1)·2^level).
"""

import hashlib
from collections.abc import Mapping, Sequence

Range = tuple[int, int]
"""Leaves [start, end); start is a multiple of the smallest power of two that holds the range."""

EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """Hash one leaf; the prefix keeps a leaf from ever passing for an inner node."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two children."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def position(level: int, index: int) -> int:
    """Name a complete subtree by its in-order position: leaves are even, and no two subtrees share a number."""
    return (index << (level + 1)) + (1 << level) - 1


def cover(span: Range) -> tuple[int, ...]:
    """Name the complete subtrees that make up `span`, largest first."""
    start, end = span
    found = []
    while start < end:
        level = (end - start).bit_length() - 1
        found.append(position(level, start >> level))
        start += 1 << level
    return tuple(found)


def fold(hashes: Sequence[bytes]) -> bytes:
    """Hash a whole range from its complete subtrees, largest first; no subtrees are the empty tree."""
    if not hashes:
        return EMPTY_ROOT
    *rest, result = hashes
    for left in reversed(rest):
        result = node_hash(left, result)
    return result


def range_hash(span: Range, nodes: Mapping[int, bytes]) -> bytes:
    """Hash `span` from stored subtrees."""
    return fold([nodes[name] for name in cover(span)])


def grow(size: int, frontier: Sequence[bytes], leaves: Sequence[bytes]) -> list[tuple[int, bytes]]:
    """Append leaf hashes to a tree of `size` leaves.

    Args:
        size: number of leaves before.
        frontier: hashes of `cover((0, size))`.
        leaves: hashes of the new leaves, in order.

    Returns:
        every complete subtree that came to be, as (position, hash).

    """
    made: list[tuple[int, bytes]] = []
    stack = list(frontier)
    for index, leaf in enumerate(leaves, size):
        level, current, digest = 0, index, leaf
        made.append((position(0, index), digest))
        while current & 1:
            digest = node_hash(stack.pop(), digest)
            level, current = level + 1, current >> 1
            made.append((position(level, current), digest))
        stack.append(digest)
    return made


def inclusion_ranges(index: int, size: int) -> tuple[Range, ...]:
    """List the ranges whose hashes prove that leaf `index` stands in a tree of `size`, from the leaf's sibling upwards.

    Raises:
        ValueError: `index` lies outside the tree.

    """
    if not 0 <= index < size:
        raise ValueError("the leaf lies outside the tree")
    path: list[Range] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((start, middle))
            start = middle
    return tuple(reversed(path))


def consistency_ranges(old: int, size: int) -> tuple[Range, ...]:
    """List the ranges whose hashes prove that the first `old` leaves of a tree of `size` are the older tree.

    Raises:
        ValueError: not 0 < old ≤ size.

    """
    if not 0 < old <= size:
        raise ValueError("the older tree must be neither empty nor larger")
    path: list[Range] = []
    start, end, whole = 0, size, True
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((start, middle))
            start, whole = middle, False
    if not whole:
        path.append((start, end))
    return tuple(reversed(path))


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Tell whether `proof` shows that the leaf hash `leaf` is leaf `index` of the tree (`size`, `root`)."""
    if not 0 <= index < size:
        return False
    current, last, result = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if current & 1 or current == last:
            result = node_hash(sibling, result)
            while not current & 1 and current:
                current, last = current >> 1, last >> 1
        else:
            result = node_hash(result, sibling)
        current, last = current >> 1, last >> 1
    return last == 0 and result == root


def verify_consistency(old: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> bool:
    """Tell whether `proof` shows that the tree (`size`, `root`) only appended to the tree (`old`, `old_root`)."""
    if not 0 < old <= size:
        return False
    if old == size:
        return not proof and old_root == root
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    if not path:
        return False
    current, last = old - 1, size - 1
    while current & 1:
        current, last = current >> 1, last >> 1
    first = second = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if current & 1 or current == last:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while not current & 1 and current:
                current, last = current >> 1, last >> 1
        else:
            second = node_hash(second, sibling)
        current, last = current >> 1, last >> 1
    return last == 0 and first == old_root and second == root


def _split(count: int) -> int:
    """Return the largest power of two below `count` (count ≥ 2)."""
    return 1 << ((count - 1).bit_length() - 1)
