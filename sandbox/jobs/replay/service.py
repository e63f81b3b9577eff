"""Use cases of the auditor: demand a replay, read its report."""

from sandbox.jobs import store as jobs
from sandbox.jobs.parts import Parts
from sandbox.jobs.replay import store
from sandbox.jobs.replay.model import REPLAY, Replay
from sandbox.kernel.audit.model import AuditEvent
from sandbox.kernel.canonical import Json
from sandbox.kernel.clock import next_tick, stamp
from sandbox.kernel.db import Transaction
from sandbox.kernel.errors import YuneiError
from sandbox.kernel.idempotency.store import known, remember
from sandbox.kernel.ids import new_id
from sandbox.kernel.roles import Role
from tenants.model import Principal

AUDITORS = frozenset({Role.AUDITOR, Role.REVIEWER_AUTHORITY})


class ReplayService:
    """Takes demands for replays; a worker makes them, since only workers have sandboxes."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def replay(self, principal: Principal, release: str, idempotency_key: str) -> Json:
        """Demand the replay of a release.

        Returns:
            The replay in state `requested`; `get` tells its progress and report.

        Raises:
            YuneiError: `NOT_PERMITTED`, `NOT_FOUND`, `IDEMPOTENCY_CLASH`.

        """
        _auditor(principal)
        request: dict[str, Json] = {"release": release}
        with self._parts.db.write() as tx:
            earlier = known(tx, principal.person, "replays", idempotency_key, request)
            if earlier is not None:
                return _own(tx, principal, earlier).as_json()
            if jobs.by_release(tx, release) is None:
                raise YuneiError("NOT_FOUND")
            at = stamp(next_tick(self._parts.clock.now(), self._parts.settings.tick_s))
            made = Replay(new_id("rpl"), release, principal.person, principal.organisation, REPLAY.initial, at, None)
            store.add(tx, made)
            remember(tx, principal.person, "replays", idempotency_key, request, made.id)
            facts: dict[str, Json] = {"release": release}
            event = AuditEvent("replay.requested", made.id, principal.person, (principal.organisation,), facts)
            self._parts.audit.append(tx, event)
        return made.as_json()

    def get(self, principal: Principal, replay: str) -> Json:
        """Return a replay that the caller's organisation demanded.

        Raises:
            YuneiError: `NOT_PERMITTED`, `NOT_FOUND`.

        """
        _auditor(principal)
        with self._parts.db.read() as tx:
            return _own(tx, principal, replay).as_json()


def _own(tx: Transaction, principal: Principal, replay: str) -> Replay:
    found = store.by_id(tx, replay)
    if found is None or found.organisation != principal.organisation:
        raise YuneiError("NOT_FOUND")
    return found


def _auditor(principal: Principal) -> None:
    if not principal.roles & AUDITORS:
        raise YuneiError("NOT_PERMITTED")
