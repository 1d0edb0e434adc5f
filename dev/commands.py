"""Runs one slow command with progress, and ends it with us."""

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from dev.errors import DevError
from dev.progress import Part


def run_in_part(
    command: Sequence[str],
    part: Part,
    log: Path,
    environment: dict[str, str],
    hint: str,
    directory: Path | None = None,
) -> None:
    """Returns when the command succeeded; raises DevError with its last line when it failed.

    The command and its children end when this is interrupted.
    """
    with log.open("wb") as output:
        child = subprocess.Popen(
            command,
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = _wait(child, part)
        finally:
            _end_session(child)
    if code != 0:
        raise DevError(
            f"`{Path(command[0]).name} {command[1]}` failed: {hint} ({log} ends with: {last_line(log)})."
        )


def last_line(log: Path) -> str:
    """The last line of a log that is not blank, at most 300 characters of it."""
    if not log.exists():
        return "nothing"
    lines = log.read_text(errors="replace").split("\n")
    return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "nothing")


def _wait(child: subprocess.Popen[bytes], part: Part) -> int:
    while True:
        try:
            return child.wait(timeout=0.5)
        except subprocess.TimeoutExpired:
            part.tick()


def _end_session(child: subprocess.Popen[bytes]) -> None:
    """Ends a child that still runs, with all that it started: the session is its own."""
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
