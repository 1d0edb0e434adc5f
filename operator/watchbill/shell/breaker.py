"""Stops sending to a vendor that keeps failing, so that the next hop starts at once."""

THRESHOLD = 5
"""So many failures in a row open the breaker."""

PAUSE = 30.0
"""Seconds that it stays open before one probe may go."""


class Breaker:
    """The breaker of one connection: closed, open, or half open while one probe is out."""

    def __init__(self) -> None:
        self._failures = 0
        self._opened_at: float | None = None
        self._probing = False

    def wait(self, now: float) -> float:
        """The seconds until a send may go; 0 where one may go now."""
        if self._opened_at is None:
            return 0.0
        if self._probing:
            return PAUSE
        return max(0.0, self._opened_at + PAUSE - now)

    def begin(self, now: float) -> bool:
        """Whether a send goes now; where the breaker was open, it is the probe."""
        if self.wait(now) > 0:
            return False
        self._probing = self._opened_at is not None
        return True

    def succeeded(self) -> None:
        """The vendor answered: close."""
        self._failures = 0
        self._opened_at = None
        self._probing = False

    def failed(self, now: float) -> None:
        """The vendor did not answer, or answered that it is broken; the fifth in a row opens."""
        self._failures += 1
        if self._failures >= THRESHOLD:
            self._opened_at = now
        self._probing = False

    def abandoned(self) -> None:
        """The send that had begun says nothing of the vendor: the next one may probe."""
        self._probing = False
