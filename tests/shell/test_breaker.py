"""When a connection is left alone, and how it comes back."""

import pytest

from watchbill.shell.breaker import PAUSE, THRESHOLD, Breaker


def opened(at: float = 0.0) -> Breaker:
    breaker = Breaker()
    for _ in range(THRESHOLD):
        assert breaker.begin(at)
        breaker.failed(at)
    return breaker


def test_it_opens_at_the_fifth_failure_in_a_row_and_not_before():
    breaker = Breaker()
    went = []
    for _ in range(7):
        went.append(breaker.begin(0.0))
        if went[-1]:
            breaker.failed(0.0)
    assert went == [True] * 5 + [False] * 2


def test_one_success_in_between_keeps_it_closed():
    breaker = Breaker()
    for _ in range(THRESHOLD - 1):
        breaker.failed(0.0)
    breaker.succeeded()
    for _ in range(THRESHOLD - 1):
        breaker.failed(0.0)
    assert breaker.begin(0.0)


@pytest.mark.parametrize(("now", "wait"), [(0.0, 30.0), (12.5, 17.5), (29.9, 0.1), (30.0, 0.0), (99.0, 0.0)])
def test_it_says_how_long_it_stays_open(now: float, wait: float):
    assert opened().wait(now) == pytest.approx(wait)


def test_after_the_pause_one_probe_goes_and_no_more():
    breaker = opened()
    assert [breaker.begin(PAUSE), breaker.begin(PAUSE), breaker.begin(PAUSE + 1)] == [True, False, False]


def test_a_probe_that_succeeds_closes_it():
    breaker = opened()
    breaker.begin(PAUSE)
    breaker.succeeded()
    assert [breaker.begin(PAUSE), breaker.begin(PAUSE)] == [True, True]


def test_a_probe_that_fails_opens_it_for_another_pause():
    breaker = opened()
    breaker.begin(PAUSE)
    breaker.failed(PAUSE)
    assert (breaker.wait(PAUSE), breaker.begin(2 * PAUSE)) == (PAUSE, True)


def test_a_probe_that_was_broken_off_leaves_the_probe_to_the_next():
    breaker = opened()
    breaker.begin(PAUSE)
    breaker.abandoned()
    assert breaker.begin(PAUSE)
