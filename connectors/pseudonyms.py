"""Keyed pseudonyms: the key schedule of HMAC-SHA256, so that the engine computes it with plain SHA-256. Pure."""

from collections.abc import Mapping

_BLOCK = 64
_INNER, _OUTER = 0x36, 0x5C


def hmac_pads(key: bytes) -> Mapping[str, bytes]:
    """Return the padded and masked key, to be bound as `$inner` and `$outer`.

    Args:
        key: at most 64 bytes; secrets of the key ring have 32.

    Source: RFC 2104, section 2.

    """
    padded = key.ljust(_BLOCK, b"\0")
    if len(padded) > _BLOCK:
        raise ValueError("a key longer than one block would have to be hashed first")
    return {"inner": bytes(byte ^ _INNER for byte in padded), "outer": bytes(byte ^ _OUTER for byte in padded)}
