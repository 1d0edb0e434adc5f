"""Ten pages within a second are a rush, and a second after them it is over."""

from watchbill.shell.rush import MANY, WITHIN, Rush


class Now:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


def test_ten_pages_within_a_second_are_a_rush_and_nine_are_none():
    now = Now()
    rush = Rush(now)
    for _ in range(MANY - 1):
        rush.page_leaves()
    assert not rush.under_way()
    rush.page_leaves()
    assert rush.under_way()
    now.time += WITHIN
    assert not rush.under_way()


def test_a_rush_goes_on_while_pages_leave_that_fast():
    now = Now()
    rush = Rush(now)
    for _ in range(5 * MANY):
        rush.page_leaves()
        now.time += 0.9 * WITHIN / MANY
    assert rush.under_way()
    for _ in range(MANY):
        rush.page_leaves()
        now.time += 1.2 * WITHIN / MANY
    assert not rush.under_way()
