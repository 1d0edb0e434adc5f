"""Servers as processes of their own: started detached, found again by pid file, never confused."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from dev import launch
from dev.errors import DevError

PATIENT_COLLECTION = {"GOGC": "400"}
"""etcd and kube-apiserver may use four times the memory that they need at least: they spend a third of
their time on collecting garbage otherwise, and this machine's memory is theirs."""


def start(
    command: Sequence[str], log: Path, pid_file: Path, die_with_parent: bool
) -> subprocess.Popen[bytes]:
    """A new process in a session of its own, without our streams, named by its pid file.

    With `die_with_parent` the kernel kills it when the thread that started it ends. Signals wait
    until the pid file is written, so that no process is ever started and then not known.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    parent = os.getpid() if die_with_parent else 0
    launcher = [sys.executable, "-I", "-S", launch.__file__, str(parent)]
    with _signals_held(), log.open("wb") as output:
        child = subprocess.Popen(
            [*launcher, *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=PATIENT_COLLECTION | dict(os.environ),
            start_new_session=True,
        )
        pid_file.write_text(json.dumps({"pid": child.pid, "identity": identity(child.pid)}))
    return child


def running_pid(pid_file: Path) -> int | None:
    """The pid of the process that the file names, or None when exactly that one does not run."""
    try:
        entry = json.loads(pid_file.read_text())
        pid, expected = int(entry["pid"]), entry["identity"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return pid if expected is not None and identity(pid) == expected else None


def stop(pid_file: Path, patience: float) -> None:
    """Ends the process that the file names, by force after this many seconds, and waits for it."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        pid = running_pid(pid_file)
        if pid is None:
            break
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        if _ends(pid_file, pid, patience):
            break
    else:
        raise DevError(f"Process {pid} of {pid_file} does not end; end it by hand.")
    pid_file.unlink(missing_ok=True)


def identity(pid: int) -> str | None:
    """What tells this process from a later one of the same pid, or None when it does not run."""
    if sys.platform != "linux":
        return _identity_by_ps(pid)
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The command's name stands in brackets and can hold blanks; what follows it cannot.
    fields = status.rpartition(")")[2].split()
    state, started = fields[0], fields[19]
    return None if state in "ZX" else f"{boot}:{started}"


def _identity_by_ps(pid: int) -> str | None:
    answer = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    state, _, started = answer.stdout.strip().partition(" ")
    return started.strip() if state and not state.startswith("Z") else None


def _ends(pid_file: Path, pid: int, patience: float) -> bool:
    limit = time.monotonic() + patience
    while running_pid(pid_file) is not None:
        if time.monotonic() >= limit:
            return False
        time.sleep(0.02)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    return True


@contextmanager
def _signals_held() -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, launch.HELD_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
