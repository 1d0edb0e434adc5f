"""A row knows its bar, and what of it a run must not pass with."""

import pytest

from bench.results import BARE, OURS, Bar, Limits, Result, Rounds, Row, count
from bench.stats import Spread


def rounds(ours: list[float], bare: list[float]) -> Rounds:
    found = Rounds()
    for system, values in ((OURS, ours), (BARE, bare)):
        for value in values:
            found.add("latency", system, value)
    return found


def test_a_row_has_the_ratio_of_its_rounds():
    row = rounds([2, 6, 4], [1, 2, 4]).row("latency", "ms")
    assert row.values == {OURS: Spread(4, 2, 6), BARE: Spread(2, 1, 4)}
    assert row.ratio == Spread(2, 1, 3)


@pytest.mark.parametrize(("ours", "bare"), [([2, 2], [1]), ([2], []), ([2], [0])])
def test_a_row_has_no_ratio_where_the_rounds_cannot_be_compared(ours: list[float], bare: list[float]):
    assert rounds(ours, bare).row("latency", "ms").ratio is None


@pytest.mark.parametrize(
    ("bar", "reached"),
    [(Bar(2), True), (Bar(1.9), False), (Bar(2, "ratio"), True), (Bar(1.9, "ratio"), False)],
)
def test_a_bar_is_held_against_the_median(bar: Bar, reached: bool):
    row = Row("latency", "ms", {OURS: Spread(2, 1, 9)}, Spread(2, 1, 9))
    assert bar.reached_by(row) is reached


def test_a_bar_is_not_reached_by_what_was_not_measured():
    assert not Bar(9).reached_by(Row("latency", "ms", {BARE: Spread(1, 1, 1)}))
    assert not Bar(9, "ratio").reached_by(Row("latency", "ms", {OURS: Spread(1, 1, 1)}))


@pytest.mark.parametrize(("value", "slack", "fails"), [(4, 2, False), (4.1, 2, True), (9, None, False)])
def test_a_run_fails_beyond_the_bar_and_its_slack_alone(value: float, slack: float | None, fails: bool):
    limits = Limits(Bar(2), slack=slack)
    row = rounds([value], [1]).row("latency", "ms", limits)
    assert row.fails is fails
    assert Result("a", "A", "", (row,)).failures == ([row] if fails else [])


@pytest.mark.parametrize(("value", "fails"), [(0, False), (1, True)])
def test_a_count_must_be_right(value: float, fails: bool):
    assert count("pages lost", value).fails is fails
