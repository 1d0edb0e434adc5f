"""What people see while they wait."""

import io

import pytest

from dev.errors import DevError
from dev.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def shown(stream: io.StringIO, seconds: int) -> list[str]:
    clock = Clock()
    with Progress(stream, clock).part("building etcd") as part:
        for _ in range(seconds):
            clock.now += 1
            part.tick()
    return stream.getvalue().splitlines()


def test_a_log_gets_a_line_at_the_start_every_15_seconds_and_at_the_end() -> None:
    assert shown(io.StringIO(), 40) == [
        "building etcd …",
        "building etcd … 15 s",
        "building etcd … 30 s",
        "building etcd … done in 40.0 s",
    ]


def test_a_terminal_gets_one_line_that_counts() -> None:
    stream = Terminal()
    shown(stream, 3)
    states = stream.getvalue().split("\r\x1b[K")[1:]
    assert states[0] == "building etcd …"
    assert states[-2:] == ["building etcd … 3 s", "building etcd … done in 3.0 s\n"]


def test_a_part_that_fails_says_that_it_stopped() -> None:
    stream = io.StringIO()
    with pytest.raises(DevError), Progress(stream, Clock()).part("building etcd"):
        raise DevError("no")
    assert stream.getvalue().splitlines()[-1] == "building etcd … stopped after 0.0 s"
