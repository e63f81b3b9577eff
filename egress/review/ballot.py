"""A vote as evidence: what it says is committed to under a secret key, so that the log shows it only once all are in."""

import hmac
from dataclasses import asdict, replace

from egress.review.model import Vote
from sandbox.kernel.canonical import canonical_bytes
from sandbox.kernel.keys import KeyRing


def committed(vote: Vote, keys: KeyRing) -> Vote:
    """Return the vote with its keyed commitment, HMAC-SHA256 over everything else it says."""
    body = {name: value if name == "version" else str(value) for name, value in asdict(vote).items() if name != "digest"}
    keyed = hmac.digest(keys.secret("vote", vote.request), canonical_bytes(body), "sha256").hex()
    return replace(vote, digest=f"hmac-sha256:{keyed}")


def is_whole(vote: Vote, keys: KeyRing) -> bool:
    """Tell whether a stored vote still says what it was committed to."""
    return hmac.compare_digest(committed(vote, keys).digest, vote.digest)
