"""Waiting with a limit and a reason."""

import time
from collections.abc import Callable

from dev.errors import DevError


def wait_until(complaint: Callable[[], str | None], seconds: float, pause: float = 0.03) -> None:
    """Returns once there is no complaint; raises DevError with the last one at the limit."""
    limit = time.monotonic() + seconds
    while (text := complaint()) is not None:
        if time.monotonic() >= limit:
            raise DevError(f"After {seconds:.0f} s still: {text}")
        time.sleep(pause)
