"""What a process uses, as Linux tells it."""

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_USER, _SYSTEM = 11, 12
"""Where the times stand in /proc/<pid>/stat, behind the name in brackets."""


def cpu_seconds(pid: int) -> float:
    """The seconds of a core that the process has used, in all its threads."""
    return _seconds(Path(f"/proc/{pid}/stat"))


def cpu_seconds_by_thread(pid: int) -> dict[str, float]:
    """The same for each thread that runs, by its id."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return {thread.name: _seconds(thread / "stat") for thread in threads}


def resident_mib(pid: int) -> float:
    """The MiB of memory that the process holds now."""
    return _kib(pid, "VmRSS") / 1024


def peak_mib(pid: int) -> float:
    """The MiB of memory that the process held at most."""
    return _kib(pid, "VmHWM") / 1024


def _seconds(stat: Path) -> float:
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[_USER]) + int(fields[_SYSTEM])) / _TICKS


def _kib(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise ValueError(f"process {pid} has no {name}")
