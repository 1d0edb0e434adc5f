"""The performers' guard."""

from collections.abc import Awaitable
from typing import Any, TypeVar

import structlog

Found = TypeVar("Found")

log = structlog.get_logger(__name__)


async def guarded(attempt: Awaitable[Found], otherwise: Found, **what: Any) -> Found:
    """What was awaited; where it raises, which is a fault of ours, what is to be said instead."""
    try:
        return await attempt
    except Exception:  # The performers' guard: a fault is an outcome, never a page or a step without one.
        log.exception("an effect failed", **what)
        return otherwise
