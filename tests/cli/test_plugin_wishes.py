"""What counted once and counts no more is said anew; what still counts is not."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support.plugin_world import NOW, incident
from watchbill.cli.plugin import wishes
from watchbill.cli.plugin.seen import Seen

LATER = datetime(2026, 3, 9, 4, 0, tzinfo=UTC)
HELD = {"type": "Acknowledged", "status": "True", "lastTransitionTime": NOW}
RECORD = {"user": "ana", "time": NOW, "epoch": 1, "digest": "d"}


def seen(now: datetime = LATER, **changes: Any) -> Seen:
    return Seen(incident(**changes), "ana", now)


def taken(**changes: Any) -> Seen:
    return seen(spec={"acknowledgedBy": {"ana": {"note": "on it"}}}, **changes)


def test_an_acknowledgement_that_stands_is_not_repeated():
    held = taken(phase="Acknowledged", acknowledgements=[RECORD], conditions=[HELD])
    assert isinstance(wishes.acknowledged(None, None)(held), str)
    assert isinstance(wishes.acknowledged("on it", None)(held), str)


def test_another_note_is_another_act():
    held = taken(phase="Acknowledged", acknowledgements=[RECORD])
    change = wishes.acknowledged("mine", None)(held)
    assert change == {"acknowledgedBy": {"ana": {"note": "mine", "page": None}}}


def test_an_acknowledgement_that_expired_is_said_anew_in_other_words():
    expired = taken(phase="Triggered", acknowledgements=[RECORD])
    for note in (None, "on it"):
        change: Any = wishes.acknowledged(note, None)(expired)
        said = change["acknowledgedBy"]["ana"]["note"]
        assert said != "on it"
        assert "04:00:00Z" in said


def test_who_held_it_once_takes_it_anew_beside_who_has_it_now():
    since = HELD | {"lastTransitionTime": "2026-03-09T03:30:00Z"}
    change: Any = wishes.acknowledged(None, None)(
        taken(phase="Acknowledged", acknowledgements=[RECORD], conditions=[since])
    )
    assert change["acknowledgedBy"]["ana"]["note"] == "again, 04:00:00Z"


def test_one_page_that_is_taken_stands_in_its_epoch():
    spec = {"acknowledgedBy": {"ana": {"page": "p-1"}}}
    wish = wishes.acknowledged(None, "p-1")
    assert isinstance(wish(seen(spec=spec, acknowledgements=[RECORD | {"page": "p-1"}])), str)
    assert isinstance(wish(seen(spec=spec, acknowledgements=[RECORD | {"page": "p-1", "epoch": 0}])), dict)


def test_an_acknowledgement_that_the_operator_has_not_seen_is_not_repeated():
    assert isinstance(wishes.acknowledged(None, None)(taken(observed=False)), str)


def asked(reason: str, opened: str, entry: str) -> Seen:
    at = {"epoch": 2, "state": "Waiting", "round": 1, "level": "secondary", "openedTime": opened}
    told = [{"time": entry, "kind": "Escalated", "actor": "ana", "source": "kubectl", "text": "t"}]
    return seen(spec={"escalation": {"request": {"reason": reason}}}, escalation=at, timeline=told)


def test_a_request_whose_level_is_open_is_not_repeated():
    assert isinstance(wishes.escalated("help", None)(asked("help", NOW, NOW)), str)


def test_a_request_is_made_anew_after_the_level_that_it_opened():
    moved_on = asked("help", "2026-03-09T03:10:00Z", NOW)
    change: Any = wishes.escalated("help", None)(moved_on)
    assert change["escalation"]["request"]["reason"] == "help (again, 04:00:00Z)"
    again = asked("help (again, 04:00:00Z)", "2026-03-09T04:00:00Z", "2026-03-09T04:00:00Z")
    assert isinstance(wishes.escalated("help", None)(again), str)


def test_a_request_is_made_anew_once_somebody_has_ended_what_it_began():
    taken_since = asked("help", NOW, NOW)
    taken_since.content["status"]["escalation"]["state"] = "Stopped"
    change: Any = wishes.escalated("help", None)(taken_since)
    assert change["escalation"]["request"]["reason"] == "help (again, 04:00:00Z)"


def test_another_level_is_another_request():
    change: Any = wishes.escalated("help", "everyone")(asked("help", NOW, NOW))
    assert change["escalation"]["request"] == {"reason": "help", "toLevel": "everyone"}


def test_a_snooze_that_has_ended_can_be_asked_for_again():
    over = seen(spec={"escalation": {"snoozeUntilTime": NOW}})
    until = LATER + timedelta(minutes=30)
    change: Any = wishes.snoozed(until)(over)
    assert change["escalation"]["snoozeUntilTime"] == "2026-03-09T04:30:00Z"
    assert isinstance(wishes.snoozed(None)(over), str)


def test_a_state_that_was_left_since_is_said_anew_in_other_words():
    left = seen(phase="Triggered", spec={"state": "Resolved", "stateReason": "fixed"})
    change: Any = wishes.said("Resolved", "fixed")(left)
    assert change["stateReason"] == "fixed (04:00:00Z)"


def test_an_incident_that_is_about_to_be_resolved_can_be_reopened():
    pending = seen(observed=False, spec={"state": "Resolved", "stateReason": "fixed"})
    change: Any = wishes.said("Open", None)(pending)
    assert (change["state"], change["setBy"]) == ("Open", {"state": "ana"})
    assert isinstance(wishes.said("Open", None)(seen()), str)
