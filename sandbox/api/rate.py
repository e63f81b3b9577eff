"""How often one token may ask: so many requests in each calendar minute, counted in this process."""

import threading
from collections import Counter

from sandbox.kernel.clock import Clock
from sandbox.kernel.errors import YuneiError

WINDOW_S = 60


class RateLimiter:
    """Counts requests by token in fixed windows.

    A client that asks at the seam of two windows gets up to twice the limit within a minute, a deployment of several API
    processes up to the limit in each, and a restart forgets: this spares the service from one client's loop, and is no
    defence against a flood, which belongs to the proxy in front.

    Args:
        clock: source of time.
        per_minute: most requests of one token in a window; 0 counts nothing.

    """

    def __init__(self, clock: Clock, per_minute: int) -> None:
        self._clock, self._per_minute = clock, per_minute
        self._lock = threading.Lock()
        self._window = 0
        self._asked: Counter[str] = Counter()

    def count(self, token: str) -> None:
        """Count one request of a token, named by its identifier.

        Raises:
            YuneiError: `TOO_MANY`, with the whole seconds until the next window.

        """
        if not self._per_minute:
            return
        now = int(self._clock.now().timestamp())
        with self._lock:
            if now // WINDOW_S != self._window:  # whoever asked before is forgotten, so memory holds one window
                self._window = now // WINDOW_S
                self._asked.clear()
            self._asked[token] += 1
            if self._asked[token] > self._per_minute:
                raise YuneiError("TOO_MANY", per_minute=self._per_minute, retry_after_s=WINDOW_S - now % WINDOW_S)
