"""Waiting without keeping the driver's loop from what else it does."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from dev.errors import DevError

PAUSE = 0.05


async def wait_for(
    is_so: Callable[[], Awaitable[bool]], what: str, within: float, pause: float = PAUSE
) -> None:
    """Return once it is so; raises DevError in the end."""
    end = time.monotonic() + within
    while not await is_so():
        if time.monotonic() > end:
            raise DevError(f"not within {within:g} s: {what}")
        await asyncio.sleep(pause)
