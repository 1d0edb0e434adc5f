"""Bench 5: what an incident that rests costs of memory."""

from collections.abc import Iterator, Sequence

from bench.resting import Start
from bench.results import NAIVE, OURS, Bar, Limits, Result, Rounds, Row
from bench.stats import spread

NAME = "memory"


def result(starts: Sequence[Start], incidents: int) -> Result:
    """The memory of each system with all incidents, and how it grows with each of them."""
    rounds = Rounds()
    for start in starts:
        rounds.add(f"at {start.incidents:,} incidents", start.system, start.resident)
        rounds.add(f"at most, at {start.incidents:,} incidents", start.system, start.peak)
    for start in (each for each in starts if each.incidents == incidents):
        slope = (start.resident - _empty(starts, start.system)) * 1024 / incidents
        rounds.add("for each incident that rests", start.system, slope)
    return Result(NAME, "Memory", _HOW, tuple(_rows(rounds, incidents)))


def _rows(rounds: Rounds, incidents: int) -> Iterator[Row]:
    slope = rounds.row("for each incident that rests", "KiB", Limits(Bar(3.0), Bar(2.0)))
    yield slope
    yield rounds.row("at 0 incidents", "MiB")
    yield rounds.row(f"at {incidents:,} incidents", "MiB", Limits(Bar(150.0), Bar(90.0)))
    yield rounds.row(f"at most, at {incidents:,} incidents", "MiB")
    if NAIVE in slope.values and slope.values[NAIVE].median > 0:
        share = slope.values[OURS].median / slope.values[NAIVE].median
        yield Row("an incident, by naive kopf's", "×", {OURS: spread([share])}, moonshot=Bar(0.1))


def _empty(starts: Sequence[Start], system: str) -> float:
    return next(each.resident for each in starts if (each.system, each.incidents) == (system, 0))


_HOW = (
    "The resident memory of the process after it has started with so many incidents that are acknowledged, "
    "and has taken them all in. What an incident costs is the difference to a start with none."
)
