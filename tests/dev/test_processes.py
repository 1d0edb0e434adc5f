"""Processes that are found again, ended, and never confused with others."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev import processes
from dev.layout import REPOSITORY

SLEEP = ["/bin/sleep", "60"]


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(SLEEP) as process:
        yield process
        process.kill()


def start(directory: Path, command: list[str], die_with_parent: bool = False) -> Path:
    pid_file = directory / "server.pid"
    child = processes.start(command, directory / "log", pid_file, die_with_parent)
    child.returncode = 0  # The pid file is all that the next run of `make` has.
    return pid_file


def test_a_started_process_is_found_by_its_pid_file_and_ended(tmp_path: Path) -> None:
    pid_file = start(tmp_path, SLEEP)
    pid = processes.running_pid(pid_file)
    assert pid is not None
    assert os.getsid(pid) == pid
    processes.stop(pid_file, patience=5)
    assert processes.identity(pid) is None
    assert not pid_file.exists()


def test_a_process_that_ignores_the_request_is_ended_by_force(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    pid_file = start(tmp_path, ["/bin/sh", "-c", f"trap '' TERM; touch {ready}; sleep 60 & wait; wait"])
    while not ready.exists():
        time.sleep(0.01)
    pid = processes.running_pid(pid_file)
    assert pid is not None
    processes.stop(pid_file, patience=0.2)
    assert processes.identity(pid) is None
    os.killpg(pid, signal.SIGKILL)


def test_a_foreign_process_that_got_the_same_pid_is_left_alone(
    tmp_path: Path, stranger: subprocess.Popen[bytes]
) -> None:
    pid_file = tmp_path / "server.pid"
    pid_file.write_text(json.dumps({"pid": stranger.pid, "identity": "an earlier start"}))
    assert processes.running_pid(pid_file) is None
    processes.stop(pid_file, patience=0.2)
    assert stranger.poll() is None
    assert not pid_file.exists()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(None, id="no pid file names no process"),
        pytest.param("", id="an empty pid file names no process"),
        pytest.param("1", id="a pid file of another program names no process"),
        pytest.param('{"pid": 1, "identity": null}', id="a process without identity is nobody's"),
    ],
)
def test_what_names_no_process_ends_none(tmp_path: Path, content: str | None) -> None:
    pid_file = tmp_path / "server.pid"
    if content is not None:
        pid_file.write_text(content)
    assert processes.running_pid(pid_file) is None
    processes.stop(pid_file, patience=0.2)


def test_a_process_that_ended_and_was_not_waited_for_does_not_run(tmp_path: Path) -> None:
    pid_file = start(tmp_path, ["/bin/true"])
    limit = time.monotonic() + 5
    while processes.running_pid(pid_file) is not None:
        assert time.monotonic() < limit
        time.sleep(0.01)
    processes.stop(pid_file, patience=0.2)


@pytest.mark.parametrize(
    ("die_with_parent", "survives"),
    [
        pytest.param(True, False, id="a test's process dies with the test run, however that ends"),
        pytest.param(False, True, id="a process of `make up` outlives it"),
    ],
)
def test_the_end_of_the_parent(tmp_path: Path, die_with_parent: bool, survives: bool) -> None:
    program = (
        "import os, pathlib, time; from dev import processes; here = pathlib.Path(os.environ['HERE'])\n"
        f"processes.start({SLEEP}, here / 'log', here / 'server.pid', {die_with_parent})\n"
        "time.sleep(0.5); os.kill(os.getpid(), 9)"
    )
    around = {"HERE": str(tmp_path), "PYTHONPATH": str(REPOSITORY)}
    subprocess.run([sys.executable, "-c", program], env=around, check=False)
    time.sleep(0.2)
    pid_file = tmp_path / "server.pid"
    assert (processes.running_pid(pid_file) is not None) is survives
    processes.stop(pid_file, patience=5)


# The interrupted start drops the process object, and Python says so.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_signal_waits_until_the_pid_file_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = processes.identity

    def interrupted(pid: int) -> str | None:
        # To this thread: other tests may have left some, which hold nothing back.
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        return original(pid)

    monkeypatch.setattr(processes, "identity", interrupted)
    # Whatever runs the tests in the background may have told them to ignore it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            start(tmp_path, SLEEP)
    finally:
        signal.signal(signal.SIGINT, before)
    monkeypatch.undo()
    pid_file = tmp_path / "server.pid"
    assert processes.running_pid(pid_file) is not None
    processes.stop(pid_file, patience=5)
