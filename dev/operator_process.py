"""`watchbill run` as a process of its own, as a pod would run it: started, watched, stopped or killed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self
from urllib.request import urlopen

from dev.errors import DevError

READY_WITHIN = 30.0
STOPPED_WITHIN = 30.0
PAUSE = 0.05


class Spawned(Protocol):
    """What of subprocess.Popen is used here."""

    @property
    def pid(self) -> int:
        """Its process id."""

    def poll(self) -> int | None:
        """Its exit code, or None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, once it has ended; raises subprocess.TimeoutExpired."""

    def kill(self) -> None:
        """Kill it."""


class OperatorProcess:
    """One operator; its log is a file, and it ends with the `with` block that it was started by."""

    def __init__(
        self,
        kubeconfig: Path,
        log: Path,
        *options: str,
        identity: str = "operator",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """An operator that is not started yet; the same identity takes the lease over at once.

        `environment` is added to that of this process.
        """
        self._kubeconfig = kubeconfig
        self.log = log
        self._options = options
        self._identity = identity
        self._environment = environment or {}
        self._process: Spawned | None = None
        self._begins = 0

    def start(self, wait: bool = True) -> Self:
        """Start it, and return once it says that it is ready; raises DevError where it does not."""
        self._begins = self.log.stat().st_size if self.log.exists() else 0
        self._process = self._spawned({"KUBECONFIG": str(self._kubeconfig), **self._environment})
        if wait:
            self.wait_for_line("ready", READY_WITHIN, self._begins)
        return self

    def _spawned(self, environment: Mapping[str, str]) -> Spawned:
        """The process, begun with this added to its environment."""
        with self.log.open("ab") as log:
            return subprocess.Popen(
                self._command(),
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _command(self) -> Sequence[str]:
        own = ("--identity", self._identity, "--health-address", "127.0.0.1:0")
        return (sys.executable, "-m", "watchbill", "run", *own, *self._options)

    def wait_for_line(self, message: str, within: float, begins: int = 0) -> dict[str, Any]:
        """The first log line with this message; raises DevError where none comes in time."""
        end = time.monotonic() + within
        while time.monotonic() < end:
            for line in self.lines(begins):
                if line.get("msg") == message:
                    return line
            if self.exit_code is not None:
                break
            time.sleep(PAUSE)
        tail = self.log_text()[-2000:]
        raise DevError(f"the operator did not say {message!r} within {within:g} s; its log ends:\n{tail}")

    def lines(self, begins: int = 0) -> list[dict[str, Any]]:
        """The log's lines of JSON, from this byte on; others are left out."""
        text = self.log.read_bytes()[begins:].decode(errors="replace") if self.log.exists() else ""
        found = []
        for line in text.splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:
                continue
        return [line for line in found if isinstance(line, dict)]

    def log_text(self) -> str:
        """All that it has logged."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    @property
    def pid(self) -> int:
        """Its process id; 0 before it is started."""
        return self._process.pid if self._process else 0

    @property
    def exit_code(self) -> int | None:
        """Its exit code; None while it runs, and before."""
        return self._process.poll() if self._process else None

    def http(self, path: str) -> str:
        """What it answers at /metrics, /livez or /readyz, since it was last started."""
        line = self.wait_for_line("health is served", READY_WITHIN, self._begins)
        with urlopen(f"http://127.0.0.1:{line['port']}{path}", timeout=10) as answer:
            return str(answer.read().decode())

    def stop(self) -> int:
        """Ask it to stop, and return its exit code; raises DevError where it does not within 30 s."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it with no chance to do anything."""
        self._end(signal.SIGKILL)

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal, such as SIGSTOP."""
        os.kill(self.pid, number)

    def _end(self, number: signal.Signals) -> int:
        if self._process is None or self._process.poll() is not None:
            return self.exit_code or 0
        self.send_signal(number)
        try:
            return self._process.wait(STOPPED_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise DevError(f"the operator did not stop within {STOPPED_WITHIN:g} s") from None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.exit_code is None:
            self.stop()
