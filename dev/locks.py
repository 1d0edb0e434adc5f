"""Locks between processes, so that two checkouts never do the same slow thing at once."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dev.progress import Progress


@contextmanager
def locked(path: Path, progress: Progress, waiting: str) -> Iterator[None]:
    """Holds the lock of this file; tells `waiting` while another process holds it.

    The kernel frees the lock when its holder ends, however it ends.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if not _taken(descriptor):
            with progress.part(waiting) as part:
                while not _taken(descriptor):
                    part.tick()
                    time.sleep(0.2)
        yield
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
