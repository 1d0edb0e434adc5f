"""What several samples and rounds say together."""

import pytest

from bench.stats import Spread, percentile, ratios, spread


@pytest.mark.parametrize(
    ("percent", "expected"), [(0, 1), (1, 1), (50, 50), (50.5, 51), (99, 99), (100, 100)]
)
def test_a_percentile_is_a_sample_that_so_many_do_not_exceed(percent: float, expected: float):
    assert percentile(list(range(100, 0, -1)), percent) == expected


def test_one_sample_is_every_percentile():
    assert {percentile([7.0], percent) for percent in (0, 50, 99, 100)} == {7.0}


def test_rounds_are_told_by_their_median_and_their_range():
    assert spread([3, 1, 2]) == Spread(2, 1, 3)


def test_ratios_are_of_what_was_measured_in_the_same_round():
    assert ratios([2, 30], [1, 10]) == Spread(2.5, 2, 3)


def test_a_round_in_which_nothing_was_measured_has_no_ratio():
    assert ratios([2, 5], [1, 0]) == Spread(2, 2, 2)


@pytest.mark.parametrize("told", [spread, lambda rounds: percentile(rounds, 50)])
def test_nothing_says_nothing(told):
    with pytest.raises(ValueError, match=r"nothing|no round"):
        told([])


def test_rounds_of_which_one_is_missing_are_not_compared():
    with pytest.raises(ValueError, match="shorter"):
        ratios([1, 2], [1])
