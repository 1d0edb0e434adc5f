"""The time of the process, and how far it is from the API server's."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.shell.fake_time import FakeTime
from watchbill.shell.clock import Clock


def http_date(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")


def test_now_is_rounded_up_to_a_millisecond(time: FakeTime):
    time.wall = 1_800_000_000.0001
    assert time.clock().now() == datetime(2027, 1, 15, 8, 0, 0, 1000, tzinfo=UTC)


def test_a_step_of_the_machines_clock_moves_nothing(time: FakeTime):
    clock = time.clock()
    before = clock.now()
    time.wall += 3600
    time.seconds += 2
    assert clock.now() - before == timedelta(seconds=2)


@pytest.mark.parametrize(
    ("ahead", "skew", "skewed"),
    [
        (timedelta(0), timedelta(0), False),
        (timedelta(seconds=4), timedelta(seconds=4), False),
        (timedelta(seconds=6), timedelta(seconds=6), True),
        (timedelta(seconds=-4), timedelta(seconds=-3), False),
        (timedelta(seconds=-8), timedelta(seconds=-7), True),
    ],
    ids=["the same", "4 s ahead", "6 s ahead", "4 s behind", "8 s behind"],
)
def test_the_servers_clock_is(time: FakeTime, ahead: timedelta, skew: timedelta, skewed: bool):
    clock = time.clock()
    clock.observe_server_date(http_date(clock.now() + ahead))
    assert (clock.skew, clock.skewed) == (skew, skewed)


def test_a_slow_answer_is_no_skew(time: FakeTime):
    clock = time.clock()
    began = clock.now()
    time.advance(30)
    clock.observe_server_date(http_date(began + timedelta(seconds=1)), began)
    assert clock.skew == timedelta(0)


def test_a_clock_that_was_wrong_at_the_start_is_taken_anew_once_the_machine_is_right(time: FakeTime):
    clock = time.clock()
    truth = clock.now() + timedelta(minutes=10)
    clock.observe_server_date(http_date(truth))
    wrong = clock.skewed
    time.wall += 600
    clock.observe_server_date(http_date(truth))
    assert (wrong, clock.skewed) == (True, False)
    assert abs(clock.now() - truth) < timedelta(seconds=1)


def test_a_clock_that_was_wrong_at_the_start_goes_on_while_it_is_relied_on(time: FakeTime):
    clock = time.clock()
    relied_on = True
    clock.is_relied_on = lambda: relied_on
    before = clock.now()
    truth = before + timedelta(minutes=10)
    clock.observe_server_date(http_date(truth))
    time.wall += 600
    clock.observe_server_date(http_date(truth))
    assert (clock.now(), clock.skewed) == (before, True)
    relied_on = False
    clock.observe_server_date(http_date(truth))
    assert abs(clock.now() - truth) < timedelta(seconds=1)


def test_a_clock_that_was_right_is_taken_anew_after_the_machine_was_asleep_although_it_is_relied_on(
    time: FakeTime,
):
    clock = time.clock()
    clock.is_relied_on = lambda: True
    clock.observe_server_date(http_date(clock.now()))
    truth = clock.now() + timedelta(hours=8)
    time.wall += 8 * 3600
    clock.observe_server_date(http_date(truth))
    assert (abs(clock.now() - truth) < timedelta(seconds=1), clock.skewed) == (True, False)


@pytest.mark.parametrize("text", ["", "soon", "Mon, 99 Foo 2027 00:00:00 GMT"])
def test_what_is_no_date_is_ignored(time: FakeTime, text: str):
    clock = time.clock()
    clock.observe_server_date(text)
    assert clock.skew == timedelta(0)


def test_the_real_clock_agrees_with_the_machine():
    assert abs(Clock().now() - datetime.now(UTC)) < timedelta(seconds=1)
