"""Identifiers: a kind, a dash and 26 characters of OS entropy; never derived from data, time or a count."""

import base64
import secrets


def new_id(kind: str) -> str:
    """Return a fresh identifier.

    Args:
        kind: short lower-case prefix that names the kind of object, such as `job` or `rel`.

    Returns:
        `<kind>-<26 lower-case base32 characters>`, 130 random bits.

    """
    text = base64.b32encode(secrets.token_bytes(17)).decode("ascii").lower()
    return f"{kind}-{text[:26]}"
