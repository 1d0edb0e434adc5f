"""Outcomes and statuses that etcd does not have yet."""

from datetime import timedelta

import pytest

from tests.support.builders import T0, incident, observation
from watchbill.core.decide import decide
from watchbill.core.outcomes import Outcome, Result
from watchbill.shell.cache import ObjectKey
from watchbill.shell.unwritten import Held, Unwritten

KEY = ObjectKey("Incident", "shop", "checkout-500s")


def outcome(result: Result = Result.OK) -> Outcome:
    (effect,) = decide(observation(), T0).pages
    return Outcome(effect, result, T0)


@pytest.fixture
def unwritten() -> Unwritten:
    return Unwritten()


def at_version(version: str):
    found = incident()
    return found.model_copy(
        update={"metadata": found.metadata.model_copy(update={"resource_version": version})}
    )


def attempts(status) -> list[int]:
    return [page.hops[0].attempts for page in status.pages]


def test_an_outcome_is_folded_in_until_it_is_written(unwritten: Unwritten):
    unwritten.add(KEY, outcome())
    assert attempts(unwritten.start(KEY, at_version("1"), T0)) == [1]
    assert attempts(unwritten.start(KEY, at_version("2"), T0)) == [1]
    unwritten.written(KEY, 1)
    assert attempts(unwritten.start(KEY, at_version("3"), T0)) == []
    assert unwritten.in_hand() == []


def test_what_came_after_the_write_began_stays(unwritten: Unwritten):
    unwritten.add(KEY, outcome(Result.RETRY))
    unwritten.add(KEY, outcome())
    unwritten.written(KEY, 1)
    assert [kept.result for kept in unwritten.outcomes(KEY)] == [Result.OK]


def test_a_held_status_goes_on_from_where_it_was_and_folds_each_outcome_in_once(unwritten: Unwritten):
    unwritten.add(KEY, outcome(Result.RETRY))
    first = unwritten.start(KEY, at_version("1"), T0)
    unwritten.hold(KEY, Held(first, "1", 1, T0))
    assert attempts(unwritten.start(KEY, at_version("1"), T0)) == [1]
    unwritten.add(KEY, outcome(Result.RETRY))
    second = unwritten.start(KEY, at_version("1"), T0)
    assert attempts(second) == [2]
    unwritten.hold(KEY, Held(second, "1", 2, T0))
    assert attempts(unwritten.start(KEY, at_version("1"), T0)) == [2]


def test_where_somebody_wrote_meanwhile_their_status_counts_and_all_outcomes_in_hand(unwritten: Unwritten):
    unwritten.add(KEY, outcome(Result.RETRY))
    unwritten.hold(KEY, Held(unwritten.start(KEY, at_version("1"), T0), "1", 1, T0))
    unwritten.add(KEY, outcome(Result.RETRY))
    assert attempts(unwritten.start(KEY, at_version("2"), T0)) == [2]


def test_a_held_status_counts_from_the_first_that_could_not_be_written(unwritten: Unwritten):
    status = incident().status
    for seconds in (0, 10, 40):
        unwritten.hold(KEY, Held(status, "1", 0, T0 + timedelta(seconds=seconds)))
    held = unwritten.held(KEY)
    assert held is not None
    assert held.since == T0
    unwritten.written(KEY, 0)
    assert unwritten.held(KEY) is None


def test_of_an_incident_that_is_gone_nothing_is_kept(unwritten: Unwritten):
    unwritten.add(KEY, outcome())
    unwritten.hold(KEY, Held(incident().status, "1", 0, T0))
    unwritten.forget(KEY)
    assert (unwritten.in_hand(), unwritten.held(KEY)) == ([], None)
