"""A server of others as a process of its own, which says in its log where it listens."""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from dev import processes
from dev.commands import last_line
from dev.errors import DevError
from dev.waiting import wait_until

START_SECONDS = 60.0
STOP_SECONDS = 5.0

_LISTENS = re.compile(r"listening (?:on|at) (?:http://)?127\.0\.0\.1:(\d+)")


class Listening:
    """The process; it ends with us. Its log outlives it."""

    def __init__(self, name: str, command: Sequence[str], directory: Path) -> None:
        """A process that runs this command once it is started, and keeps its files in the directory."""
        self._command = command
        self._pid_file = directory / f"{name}.pid"
        self._child: subprocess.Popen[bytes] | None = None
        self.log = directory / f"{name}.log"
        self.url = ""
        """The origin, once it listens."""

    def start(self) -> str:
        """Starts the process and returns the origin; raises DevError where it ends or takes 60 s."""
        self._child = processes.start(self._command, self.log, self._pid_file, die_with_parent=True)
        try:
            wait_until(self._does_not_listen, START_SECONDS)
        except DevError:
            self.stop()
            raise
        return self.url

    def stop(self) -> None:
        """Ends the process."""
        processes.stop(self._pid_file, STOP_SECONDS)
        if self._child is not None:
            self._child.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _does_not_listen(self) -> str | None:
        runs = processes.running_pid(self._pid_file) is not None
        if found := _LISTENS.search(self.log.read_text(errors="replace")):
            self.url = f"http://127.0.0.1:{found[1]}"
            return None
        complaint = f"{self.log.stem} does not listen ({self.log} ends with: {last_line(self.log)})."
        if not runs:
            raise DevError(complaint)
        return complaint
