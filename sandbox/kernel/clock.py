"""Time comes from here and from nowhere else, so that terms and deadlines can be tested."""

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        return datetime.now(UTC)


@dataclass
class ManualClock:
    """A clock that moves only when told, for tests and for replaying terms."""

    moment: datetime

    def now(self) -> datetime:
        """Return the moment it was set to."""
        return self.moment

    def advance(self, seconds: float) -> None:
        """Move forward by `seconds`."""
        self.moment += timedelta(seconds=seconds)


def next_tick(moment: datetime, tick_s: int) -> datetime:
    """Round `moment` up to the next multiple of `tick_s` seconds since the epoch.

    Everything a tenant sees of a running job moves on these ticks, so that no duration that depends on rows shows.
    """
    return datetime.fromtimestamp(math.ceil(moment.timestamp() / tick_s) * tick_s, UTC)


def stamp(moment: datetime) -> str:
    """Return RFC 3339 text in UTC with whole microseconds, e.g. `2026-11-23T08:00:00.000000Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_stamp(text: str) -> datetime:
    """Read what `stamp` wrote."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)


CIVIL = timezone(timedelta(hours=8), "Asia/Shanghai")
"""China's civil time has had no daylight saving since 1991, so a fixed offset is exact for every term we keep."""


def civil_date(moment: datetime) -> date:
    """Return the calendar day in China on which `moment` falls; terms of agreements are counted in these days."""
    return moment.astimezone(CIVIL).date()
