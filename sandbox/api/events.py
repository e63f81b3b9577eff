"""Progress of a job as server-sent events, resumable by Last-Event-ID."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated

from anyio import sleep as pause
from anyio.to_thread import run_sync
from fastapi import Depends, Header
from fastapi.sse import ServerSentEvent

from sandbox.api.auth import Caller
from sandbox.api.inputs import ObjectId
from sandbox.api.services import Services
from sandbox.bootstrap import Container
from sandbox.jobs.model import JOB, JobEvent
from tenants.model import Principal

LONGEST_STREAM_S = 300
"""A stream ends after this long and the client resumes, so that an expired or revoked token is noticed."""

LastEventId = Annotated[
    int, Header(alias="Last-Event-ID", ge=0, le=2**53 - 1, description="resume after this event; sent by browsers on their own")
]


@dataclass(frozen=True)
class Watch:
    """One job as one principal may see it."""

    container: Container
    principal: Principal
    job: str

    def after(self, seq: int) -> tuple[JobEvent, ...]:
        """Return the visible events after `seq`; raises `NOT_FOUND`."""
        return self.container.jobs.events(self.principal, self.job, seq)

    def ended(self) -> bool:
        """Tell whether the job has reached its end."""
        return self.container.jobs.get(self.principal, self.job).as_json()["state"] in JOB.final


def watch_of(job: ObjectId, caller: Caller, services: Services) -> Watch:
    """Refuse an unknown job before the stream begins, while a status can still be sent."""
    services.jobs.get(caller, job)
    return Watch(services, caller, job)


async def job_events(
    watch: Annotated[Watch, Depends(watch_of)], last_event_id: LastEventId = 0
) -> AsyncIterator[ServerSentEvent]:
    """Send each step of the job as one event; the stream ends with the job, or after five minutes."""
    tick_s = watch.container.settings.tick_s
    seq, ended = last_event_id, False
    for _ in range(max(1, LONGEST_STREAM_S // tick_s)):
        found = await run_sync(watch.after, seq)
        for event in found:
            yield ServerSentEvent(data=event.as_json(), event=event.type, id=str(event.seq), retry=tick_s * 1000)
            seq = event.seq
            if event.state in JOB.final:
                return
        if ended and not found:  # resumed after the last step: nothing will follow
            return
        ended = await run_sync(watch.ended)
        await pause(tick_s)
