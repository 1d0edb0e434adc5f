"""`make demo` with the operator killed at every step, interrupted, and with something missing.

To its end and without a kill, CI runs it as `make demo`.
"""

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dev.assets import find_assets, kind_is_asked_for
from dev.demo import KILLS
from dev.demo_story import Notice, Story, notice_of
from dev.layout import REPOSITORY
from dev.receiver import PAGERDUTY_PATH, Received
from dev.waiting import wait_until
from tests.support.require import require

CHECKS = 10
BEGUN = "The platform and the team apply their manifests"
"""What the demo says once all that it needs is running."""
PROCESSES = ("the demo", "etcd", "kube-apiserver", "the operator")

TOLD = (
    "incident.watchbill.dev/checkout-500s created",
    "POST /v2/enqueue  trigger\n",
    "POST /v2/enqueue  trigger   answered 503\n",
    "POST /backup  trigger\n",
    "connection shop/pagerduty fails",
    "POST /all-hands  trigger\n",
    "POST /v2/enqueue  acknowledge\n",
    "you are `ana`: write that key, not `bo`",
    "POST /v2/enqueue  resolve\n",
    "ana said Resolved: rolled back",
    f"demo: {CHECKS} checks passed\n",
)
"""What stands in the output, in this order."""


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    """Where the demo keeps its state; at the end nothing runs that knows of it."""
    at_hand = kind_is_asked_for(os.environ) or find_assets(os.environ) is not None
    require(at_hand, "kube-apiserver, etcd and kubectl: `python -m dev build` builds them")
    yield tmp_path / "demo"
    assert running(tmp_path / "demo") == []


def demo(directory: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "dev", "--directory", str(directory), "demo", *options]
    return subprocess.Popen(
        command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@contextmanager
def demo_at(directory: Path, line: str) -> Iterator[subprocess.Popen[str]]:
    """The demo, once it has printed this and all of its processes can be seen."""

    def complaint() -> str | None:
        """A process that was started a moment ago shows its environment a moment later."""
        found = running(directory)
        return None if len(found) >= len(PROCESSES) else f"of {', '.join(PROCESSES)} only {found} run."

    with demo(directory) as process:
        assert process.stdout is not None
        assert any(line in each for each in process.stdout)
        wait_until(complaint, 10)
        yield process


def running(directory: Path) -> list[tuple[int, str]]:
    """The processes whose command or environment names the directory."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command, around = (folder / "cmdline").read_bytes(), (folder / "environ").read_bytes()
        except OSError:
            continue
        if str(directory).encode() in command + around:
            found.append((int(folder.name), command.replace(b"\0", b" ").decode()))
    return found


def in_order(text: str, parts: tuple[str, ...]) -> list[str]:
    """The parts that do not follow in the text on those before them."""
    missing, at = [], 0
    for part in parts:
        found = text.find(part, at)
        if found < 0:
            missing.append(part)
        at = max(at, found)
    return missing


@pytest.mark.cluster
def test_the_demo_shows_all_and_loses_nothing_where_the_operator_is_killed_at_every_step(
    directory: Path,
):
    process = demo(directory, *(f"--kill-at={moment}" for moment in KILLS))
    story, complaints = process.communicate(timeout=180)
    assert process.returncode == 0, f"{story}\n{complaints}"
    assert in_order(story, TOLD) == [], f"{story}\n{complaints}"
    assert story.count("   ok  ") == CHECKS
    assert story.count("another one is started") == len(KILLS)


@pytest.mark.cluster
def test_ctrl_c_leaves_nothing_running(directory: Path):
    with demo_at(directory, BEGUN) as process:
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130


@pytest.mark.cluster
def test_what_is_missing_fails_the_demo_loudly(directory: Path):
    with demo_at(directory, BEGUN) as process:
        (pid,) = [pid for pid, command in running(directory) if "watchbill run" in command]
        os.kill(pid, signal.SIGKILL)
        assert process.stderr is not None
        assert "The operator ended by itself" in process.stderr.read()
        assert process.wait(60) == 1


def request(path: str, body: dict[str, object]) -> Received:
    return Received("POST", path, {}, json.dumps(body).encode(), 1.5, datetime.now(UTC))


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        pytest.param(
            request(
                PAGERDUTY_PATH,
                {"event_action": "trigger", "dedup_key": "k", "payload": {"summary": "SEV-1: it fails"}},
            ),
            ("trigger", "k", "SEV-1: it fails"),
            id="a page at PagerDuty",
        ),
        pytest.param(
            request("/b", {"data": {"action": "trigger", "key": "k", "text": "SEV-1: it fails\nmore"}}),
            ("trigger", "k", "SEV-1: it fails"),
            id="a page at a webhook",
        ),
        pytest.param(
            request(PAGERDUTY_PATH, {"event_action": "resolve", "dedup_key": "k"}),
            ("resolve", "k", ""),
            id="a resolve has no title",
        ),
    ],
)
def test_what_arrived_is_read_in_the_words_of_each_vendor(received: Received, expected: tuple[str, ...]):
    notice = notice_of(received)
    assert (notice.action, notice.key, notice.title) == expected


def test_the_story_tells_each_arrival_once_with_the_milliseconds_since_the_clock_started():
    stream = io.StringIO()
    story = Story(stream)
    story.start_clock()
    arrived = time.monotonic() + 0.25
    notices = [Notice("POST", "/b", "trigger", "k", "SEV-1: it fails", arrived, refused=True)]
    story.arrived(notices)
    story.arrived(notices)
    (line,) = [each for each in stream.getvalue().splitlines() if "POST" in each]
    assert line.split()[:2] == ["+", "250"]
    assert line.endswith("/b  trigger   answered 503")
