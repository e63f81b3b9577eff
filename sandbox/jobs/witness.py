"""Whether a worker may say of another that its lease ran out. Pure: it is told the time.

A worker that could not reach the database has not seen whether others could; after a jump of the clock every lease looks lost,
or none does. In both cases it waits for half a lease, in which all who live say so, before it judges.
"""

from datetime import datetime


class Witness:
    """Remembers when it last saw the database, by both clocks."""

    def __init__(self, lease_s: float) -> None:
        self._lease_s = lease_s
        self._seen: tuple[datetime, float] | None = None
        self._judges_from = 0.0

    def saw(self, wall: datetime, steady: float) -> bool:
        """Note that the database was reached at this time, and tell whether leases may be judged.

        Args:
            wall: what leases are written in.
            steady: seconds of a clock that never jumps.

        """
        if self._seen is not None:
            passed = steady - self._seen[1]
            jumped = abs((wall - self._seen[0]).total_seconds() - passed)
            if passed > self._lease_s / 2 or jumped > self._lease_s / 4:
                self._judges_from = steady + self._lease_s / 2
        self._seen = (wall, steady)
        return steady >= self._judges_from
