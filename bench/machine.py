"""What the run ran on, and how busy that was."""

import os
import platform
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.stats import percentile

FSYNC_LIMIT_MS = 20.0
"""Above this p99 the disk says more than the systems that are measured: the run is marked as invalid."""

_WRITES, _BYTES = 300, 2048


@dataclass(frozen=True)
class Machine:
    """The machine, and what else it did at that moment."""

    cpu: str
    cores: int
    memory_gib: float
    kernel: str
    python: str
    when: str
    load: float
    fsync_p99_ms: float


def machine(directory: Path) -> Machine:
    """The machine as it is now; the disk is that of the directory."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return Machine(
        cpu=_cpu_model(Path("/proc/cpuinfo").read_text()),
        cores=len(os.sched_getaffinity(0)),
        memory_gib=round(pages / 2**30, 1),
        kernel=platform.release(),
        python=platform.python_version(),
        when=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        load=round(os.getloadavg()[0], 2),
        fsync_p99_ms=round(fsync_p99_ms(directory), 2),
    )


def fsync_p99_ms(directory: Path) -> float:
    """The 99th percentile in ms of writing 2 KiB and having the disk confirm it."""
    took = []
    with tempfile.TemporaryFile(dir=directory, buffering=0) as file:
        for _ in range(_WRITES):
            began = time.monotonic()
            file.write(bytes(_BYTES))
            os.fdatasync(file.fileno())
            took.append((time.monotonic() - began) * 1000)
    return percentile(took, 99)


def _cpu_model(text: str) -> str:
    names = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")]
    return names[0] if names else platform.machine()
