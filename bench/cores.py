"""Which cores what is started may use: the servers have one, and what is measured has the others.

So neither takes the other's time, as on a cluster whose API server has a machine of its own.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def for_servers() -> Iterator[None]:
    """Within the block this process, and what it starts, has the first core alone."""
    with _only(sorted(os.sched_getaffinity(0))[:1]):
        yield


@contextmanager
def for_the_measured() -> Iterator[None]:
    """Within the block this process, and what it starts, has all cores but the first, if there are more."""
    first, *others = sorted(os.sched_getaffinity(0))
    with _only(others or [first]):
        yield


@contextmanager
def _only(cores: list[int]) -> Iterator[None]:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
