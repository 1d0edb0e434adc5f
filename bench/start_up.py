"""Bench 10: from the start of the process until it is ready."""

from collections.abc import Iterator, Sequence

from bench.resting import Start
from bench.results import Bar, Limits, Result, Rounds, Row

NAME = "start_up"


def result(starts: Sequence[Start], incidents: int) -> Result:
    """How long it takes until each system is ready, with no incident and with all."""
    rounds = Rounds()
    for start in starts:
        rounds.add(f"ready at {start.incidents:,} incidents", start.system, start.seconds)
        rounds.add(f"CPU of a start at {start.incidents:,} incidents", start.system, start.cpu)
    return Result(NAME, "Start", _HOW, tuple(_rows(rounds, incidents)))


def _rows(rounds: Rounds, incidents: int) -> Iterator[Row]:
    yield rounds.row("ready at 0 incidents", "s")
    yield rounds.row(f"ready at {incidents:,} incidents", "s", Limits(Bar(3.0), Bar(2.0)))
    yield rounds.row(f"CPU of a start at {incidents:,} incidents", "s")


_HOW = (
    "Watchbill says that it is ready when it has listed every kind, leads, and watches. The bare loop is "
    "ready when it has listed the incidents, and naive kopf when a daemon runs for each."
)
