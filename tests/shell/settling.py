"""Lets tasks go on between steps of a clock that is moved by hand."""

import asyncio

from tests.shell.fake_time import FakeTime


async def settle() -> None:
    """Let every task go on until it waits for more than its turn."""
    for _ in range(50):
        await asyncio.sleep(0)


async def advance(time: FakeTime, seconds: float) -> None:
    """Let time pass, with everything that was arranged for it."""
    await settle()
    time.advance(seconds)
    await settle()
