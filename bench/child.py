"""Processes that the benches start; each ends with the block that it was started by."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from dev import launch
from dev.errors import DevError
from dev.layout import REPOSITORY
from dev.lifecycle import Started

_PATIENCE = 5.0


class Child(Started):
    """One process; the kernel kills it when the driver ends."""

    def __init__(
        self, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        """A process that is not started yet; `environment` is added to that of this one."""
        self._command = command
        self._log = log
        self._environment = environment or {}
        self._process: subprocess.Popen[bytes] | None = None
        self._lines: list[tuple[float, str]] = []

    def start(self) -> Self:
        """Start it; what it prints is noted with its time, and what it complains of goes to the log."""
        launcher = [sys.executable, "-I", "-S", launch.__file__, str(os.getpid())]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*launcher, *self._command],
                cwd=REPOSITORY,
                env={**os.environ, **self._environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        self._lines.clear()
        threading.Thread(target=self._read, args=(self._process,), daemon=True).start()
        return self

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None, "it was not started"
        return self._process.pid

    def wait_for_line(self, within: float, begins: str = "") -> tuple[float, str]:
        """When the first line with this beginning was printed, and the line; raises DevError in the end."""
        end = time.monotonic() + within
        while time.monotonic() < end:
            for moment, line in self._lines:
                if line.startswith(begins):
                    return moment, line
            time.sleep(0.005)
        raise DevError(f"{self._command[:4]} printed no {begins!r} within {within:g} s; see {self._log}")

    def stop(self) -> None:
        """End it, by force where it does not go by itself."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """Kill it with no chance to do anything."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            if process is self._process:
                self._lines.append((time.monotonic(), line.decode(errors="replace").strip()))


def python(module: str, *arguments: str) -> list[str]:
    """The command line of one of our modules."""
    return [sys.executable, "-m", module, *arguments]
