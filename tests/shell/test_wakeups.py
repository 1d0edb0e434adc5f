"""One deadline for each key, one timer for all."""

import pytest

from tests.shell.fake_time import FakeTime
from watchbill.shell.wakeups import WakeUps


@pytest.fixture
def fired() -> list[str]:
    return []


@pytest.fixture
def wakeups(time: FakeTime, fired: list[str]) -> WakeUps[str]:
    return WakeUps(time.monotonic, time.call_later, fired.append)


def test_keys_fire_in_the_order_of_their_deadlines(wakeups: WakeUps[str], time: FakeTime, fired: list[str]):
    for key, delay in [("c", 3.0), ("a", 1.0), ("b", 2.0), ("now", -5.0)]:
        wakeups.set(key, delay)
    time.advance(2.5)
    assert fired == ["now", "a", "b"]
    time.advance(0.5)
    assert fired == ["now", "a", "b", "c"]
    assert len(wakeups) == 0


@pytest.mark.parametrize("delays", [(5.0, 1.0), (1.0, 5.0)], ids=["a later earlier one", "a later later one"])
def test_the_earliest_deadline_of_a_key_wins(
    wakeups: WakeUps[str], time: FakeTime, fired: list[str], delays: tuple[float, float]
):
    for delay in delays:
        wakeups.set("a", delay)
    time.advance(1.0)
    assert fired == ["a"]
    time.advance(10.0)
    assert fired == ["a"]


def test_what_is_set_after_a_drop_replaces(wakeups: WakeUps[str], time: FakeTime, fired: list[str]):
    wakeups.set("a", 1.0)
    wakeups.drop("a")
    wakeups.set("a", 5.0)
    time.advance(4.0)
    assert fired == []
    time.advance(1.0)
    assert fired == ["a"]


def test_a_thousand_keys_need_one_timer(wakeups: WakeUps[str], time: FakeTime):
    for number in range(1000):
        wakeups.set(f"key {number}", 1000.0 - number)
    assert time.armed == 1


def test_keys_that_are_planned_anew_for_ever_leave_nothing_behind(wakeups: WakeUps[str]):
    for _ in range(5000):
        wakeups.drop("a")
        wakeups.set("a", 100.0)
    assert len(wakeups) == 1
    assert len(wakeups._heap) < 1100


def test_nothing_fires_after_a_stop(wakeups: WakeUps[str], time: FakeTime, fired: list[str]):
    wakeups.set("a", 1.0)
    wakeups.stop()
    time.advance(2.0)
    assert fired == []
    assert time.armed == 0
