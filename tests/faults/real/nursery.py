"""Begins operators as processes of their own, each forked from one that has imported the product.

An operator that is executed needs more than a second of CPU until it has imported everything, and a plan
begins two or more. What is forked is `watchbill run` from there on, with a pid and a session of its own.
`python -m tests.faults.real.nursery` reads an order on each line, and writes the pid.
"""

import ctypes
import gc
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, Self

import pytest

from dev.layout import REPOSITORY
from dev.operator_process import OperatorProcess, Spawned
from tests.faults.mutants import MUTANTS
from watchbill.cli.main import app

DIES_WITH_PARENT = 1
"""PR_SET_PDEATHSIG of prctl(2)."""


@dataclass(frozen=True, slots=True)
class Forked:
    """A process that somebody else waits for."""

    pid: int

    def poll(self) -> int | None:
        """-1 once it has ended; None while it runs."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return -1
        return None

    def wait(self, timeout: float | None = None) -> int:
        """-1, once it has ended; raises subprocess.TimeoutExpired."""
        end = time.monotonic() + (timeout or 0.0)
        while self.poll() is None:
            if timeout is not None and time.monotonic() > end:
                raise subprocess.TimeoutExpired("watchbill run", timeout)
            time.sleep(0.01)
        return -1

    def kill(self) -> None:
        """Kill it, where it is still there."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)


class Nursery:
    """The process that forks: `with Nursery() as nursery:`; all that it has begun ends with it."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.real.nursery"],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()

    def born(self, order: Mapping[str, Any]) -> Forked:
        """A new process; `order` has its arguments, environment, log and mutant."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return Forked(int(self._process.stdout.readline()))


class NurseryOperator(OperatorProcess):
    """An operator that a nursery begins, with a fault in it where a mutant is named."""

    def __init__(self, nursery: Nursery, mutant: str, kubeconfig: Path, log: Path, *options: str) -> None:
        self._nursery, self._mutant = nursery, mutant
        identity, *rest = options
        super().__init__(kubeconfig, log, *rest, identity=identity)
        self.around: dict[str, str] = {}
        """What is added to its environment."""

    def own_lines(self) -> list[dict[str, Any]]:
        """What it has logged since it was last started."""
        return self.lines(self._begins)

    def _spawned(self, environment: Mapping[str, str]) -> Spawned:
        order = {
            "arguments": list(self._command()[3:]),
            "environment": {**environment, **self.around},
            "log": str(self.log),
            "mutant": self._mutant,
        }
        return self._nursery.born(order)


def main() -> None:
    """Fork for each order that is read, until there is nothing left to read."""
    import_module("watchbill.cli.run")  # The command loads it when it is used.
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # Nobody here waits for those that have ended.
    for line in sys.stdin:
        order = json.loads(line)
        parent, pid = os.getpid(), os.fork()
        if pid == 0:
            _become(order, parent)
        os.write(1, f"{pid}\n".encode())


def _become(order: Mapping[str, Any], parent: int) -> NoReturn:
    """Be an operator from now on."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(DIES_WITH_PARENT, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    nowhere = os.open(os.devnull, os.O_RDONLY)
    for source, own in ((nowhere, 0), (log, 1), (log, 2)):
        os.dup2(source, own)
    os.environ.update(order["environment"])
    try:
        _run(order["arguments"], order["mutant"])
    finally:
        sys.stdout.flush()
        os._exit(0)


def _run(arguments: Sequence[str], mutant: str) -> None:
    if mutant:
        MUTANTS[mutant].seed(pytest.MonkeyPatch())
    app(list(arguments), prog_name="watchbill")


if __name__ == "__main__":
    main()
