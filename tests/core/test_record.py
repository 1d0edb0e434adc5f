"""What an outcome does to the status."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.builders import T0, UID, observation, policy, seeing, target
from watchbill.api.incident_status import Closing, IncidentStatus
from watchbill.core.decide import decide
from watchbill.core.effects import AcknowledgePage, ResolvePage, SendPage
from watchbill.core.outcomes import Outcome, Result
from watchbill.core.record import record

DECISION = decide(observation(), T0)
(SEND,) = DECISION.pages
LATER = T0 + timedelta(seconds=3)


def folded(result, status=DECISION.status, **facts):
    return record(status, [Outcome(SEND, result, LATER, **facts)], LATER)


def hop_after(result, **facts):
    return folded(result, **facts).pages[0].hops[0]


@pytest.mark.parametrize(
    ("result", "state", "uncertain", "again"),
    [
        pytest.param(Result.OK, "Accepted", False, None, id="an accepted page is not tried again"),
        pytest.param(
            Result.RETRY, "Pending", False, 1, id="a page that was refused for now is due in a second"
        ),
        pytest.param(Result.UNKNOWN, "Unknown", True, 1, id="an unknown page may have arrived"),
        pytest.param(
            Result.PERMANENT, "Failed", False, None, id="a page that was refused for good has failed"
        ),
        pytest.param(Result.AUTH, "Failed", False, None, id="a wrong credential is a failure"),
        pytest.param(Result.CONFLICT, "Failed", False, None, id="a conflict is a failure"),
    ],
)
def test_an_outcome_is_folded_into_its_hop(result, state, uncertain, again):
    hop = hop_after(result)
    assert (hop.state, hop.uncertain, hop.attempts) == (state, uncertain, 1)
    assert hop.next_attempt_time == (LATER + timedelta(seconds=again) if again else None)


def test_the_credential_of_a_page_that_may_have_arrived_is_known_when_it_is_to_be_closed():
    assert hop_after(Result.UNKNOWN, credential="f00").credential == "f00"
    refused = record(
        folded(Result.UNKNOWN, credential="f00"),
        [Outcome(SEND, Result.RETRY, LATER, reason="HTTP503", credential="ba7")],
        LATER,
    )
    assert refused.pages[0].hops[0].credential == "f00"


@pytest.mark.feature("F27.core")
def test_every_attempt_is_in_the_ledger_with_target_time_result_and_provider_id():
    accepted = hop_after(Result.OK, external_id="PD-1", credential="f00")
    assert (accepted.connection, accepted.namespace, accepted.connection_uid) == (
        "pagerduty",
        "shop",
        "uid-pagerduty",
    )
    assert (accepted.first_attempt_time, accepted.sent_time, accepted.state) == (T0, LATER, "Accepted")
    assert (accepted.external_id, accepted.credential, accepted.attempts) == ("PD-1", "f00", 1)
    refused = hop_after(Result.RETRY, reason="HTTP503", message="out of order")
    assert (refused.state, refused.reason, refused.message) == ("Pending", "HTTP503", "out of order")
    assert (refused.first_attempt_time, refused.attempts) == (T0, 1)
    twice = record(
        folded(Result.RETRY, reason="HTTP503"), [Outcome(SEND, Result.AUTH, LATER, reason="HTTP401")], LATER
    )
    assert (twice.pages[0].hops[0].attempts, twice.pages[0].hops[0].reason) == (2, "HTTP401")


@pytest.mark.parametrize(
    ("attempts", "after", "wait"),
    [
        pytest.param(1, None, 1, id="one second after the first attempt"),
        pytest.param(4, None, 8, id="doubled after each"),
        pytest.param(50, None, 60, id="a minute at most"),
        pytest.param(1, 90, 90, id="longer where the vendor asks for it"),
        pytest.param(4, 2, 8, id="never shorter than the own wait"),
    ],
)
def test_the_next_attempt_is_due(attempts, after, wait):
    hops = DECISION.status.pages[0].hops
    tried = hops[0].model_copy(update={"attempts": attempts - 1})
    page = DECISION.status.pages[0].model_copy(update={"hops": (tried, hops[1])})
    status = DECISION.status.model_copy(update={"pages": (page,)})
    asked = None if after is None else timedelta(seconds=after)
    assert folded(Result.RETRY, status, after=asked).pages[0].hops[0].next_attempt_time == LATER + timedelta(
        seconds=wait
    )


def test_an_accepted_page_is_in_the_timeline_and_a_second_answer_is_not():
    once = folded(Result.OK)
    assert once.timeline[-1].text == "primary: paged through pagerduty"
    assert (once.timeline[-1].actor, once.timeline[-1].source) == ("watchbill", "page")
    assert folded(Result.OK, once).timeline == once.timeline


@pytest.mark.parametrize("result", list(Result))
def test_what_was_accepted_stays_accepted_whatever_another_attempt_says(result):
    twice = folded(result, folded(Result.OK, credential="a", external_id="b"))
    hop = twice.pages[0].hops[0]
    assert (twice.pages[0].state, hop.state, hop.credential, hop.external_id) == (
        "Accepted",
        "Accepted",
        "a",
        "b",
    )
    assert (hop.attempts, hop.uncertain) == (2, result == Result.UNKNOWN)


def test_an_unknown_attempt_stays_uncertain_after_a_later_answer():
    assert folded(Result.PERMANENT, folded(Result.UNKNOWN)).pages[0].hops[0].uncertain


def test_a_late_acceptance_rescues_a_page_that_had_failed():
    failed = DECISION.status.pages[0].model_copy(update={"state": "Failed"})
    status = DECISION.status.model_copy(update={"pages": (failed,)})
    assert folded(Result.OK, status).pages[0].state == "Accepted"


def test_a_late_acceptance_of_a_superseded_page_is_kept_so_that_it_can_be_closed():
    dropped = DECISION.status.pages[0].model_copy(update={"state": "Superseded"})
    page = folded(Result.OK, DECISION.status.model_copy(update={"pages": (dropped,)})).pages[0]
    assert (page.state, page.hops[0].state) == ("Superseded", "Accepted")


@pytest.mark.parametrize(
    "effect",
    [
        pytest.param(SEND, id="a page"),
        pytest.param(AcknowledgePage(SEND.incident, SEND.page, 0), id="an acknowledgement"),
    ],
)
def test_an_outcome_of_an_unknown_page_brings_the_page_along(effect):
    status = record(IncidentStatus(), [Outcome(effect, Result.OK, LATER)], LATER)
    assert [page.id for page in status.pages] == [SEND.page.id]


def test_the_timeline_says_repeated_and_late_and_when_nobody_is_woken():
    hop = SEND.page.hops[0].model_copy(update={"unreal": True})
    page = SEND.page.model_copy(update={"late": "3m", "hops": (hop,)})
    assert isinstance(SEND, SendPage)
    effect = replace(SEND, page=page, repeated=True)
    status = record(IncidentStatus(), [Outcome(effect, Result.OK, LATER)], LATER)
    assert status.timeline[-1].text == (
        "primary: paged through pagerduty, late by 3m, repeated; nobody is woken by it"
    )


def test_the_timeline_says_whom_a_delivered_page_did_not_reach():
    status = folded(Result.OK, reason="RecipientsRefused", message="the mail server refused cy (550 no)")
    assert status.timeline[-1].text == (
        "primary: paged through pagerduty; the mail server refused cy (550 no)"
    )
    hop = status.pages[0].hops[0]
    assert (hop.state, hop.reason) == ("Accepted", "RecipientsRefused")


def test_what_the_outside_says_is_cut_to_what_the_schema_holds():
    status = folded(Result.OK, reason="R" * 500, message="m" * 5000, external_id="e" * 5000)
    assert IncidentStatus.model_validate(status.to_json()) == status
    assert status.pages[0].hops[0].message.endswith("…")


def test_an_answer_to_a_closing_that_was_never_recorded_is_kept():
    effect = ResolvePage(SEND.incident, SEND.page, 0)
    status = record(DECISION.status, [Outcome(effect, Result.OK, LATER)], LATER)
    closing = status.pages[0].hops[0].closing
    assert closing is not None
    assert (closing.action, closing.state, closing.attempts) == ("Resolve", "Done", 1)


def test_a_key_begins_with_the_uid_of_the_incident_and_is_the_same_in_the_outcome():
    assert SEND.page.hops[0].key.startswith(f"{UID}/1/1/primary/")


def test_outcomes_are_folded_in_their_order():
    both = policy(("a", "5m", [target("pagerduty"), target("backup")]))
    first = decide(observation(policies={"primary": both}), T0)
    outcomes = [Outcome(effect, Result.OK, LATER) for effect in first.pages]
    status = record(first.status, outcomes, LATER)
    assert [page.state for page in status.pages] == ["Accepted", "Accepted"]
    assert decide(seeing(observation(), status=status), LATER).pages == ()


def closed(closing, state="Sending"):
    """The status in which the end of the page was told so far, and the page got so far."""
    page = DECISION.status.pages[0]
    hop = page.hops[0].model_copy(update={"closing": closing, "state": state})
    changed = page.model_copy(update={"hops": (hop, *page.hops[1:]), "state": "Superseded"})
    return DECISION.status.model_copy(update={"pages": (changed,)})


TOLD = Closing(action="Resolve", state="Done", attempts=1)
BEGINNING = {"state": "Pending", "attempts": 0, "repeats": 0, "next_attempt_time": None}


@pytest.mark.parametrize("action", ["Acknowledge", "Resolve"])
@pytest.mark.parametrize("result", [Result.OK, Result.UNKNOWN])
@pytest.mark.parametrize("state", ["Sending", "Claimed", "Unknown", "Failed", "Accepted"])
@pytest.mark.parametrize(
    "told",
    [
        pytest.param(TOLD, id="was told"),
        pytest.param(
            TOLD.model_copy(update={"next_attempt_time": LATER, "repeats": 1}), id="was told and is repeated"
        ),
        pytest.param(
            TOLD.model_copy(update={"state": "Failed", "attempts": 60}), id="was told in vain for an hour"
        ),
        pytest.param(TOLD.model_copy(update={"state": "Failed", "attempts": 0}), id="could not be told"),
    ],
)
def test_a_page_that_may_have_come_after_its_end_was_told_is_closed_anew(action, result, state, told):
    told = told.model_copy(update={"action": action, "credential_changed": True})
    again = folded(result, closed(told, state)).pages[0].hops[0].closing
    assert again == told.model_copy(update=BEGINNING)


@pytest.mark.parametrize("state", ["Sending", "Accepted"])
@pytest.mark.parametrize("result", [Result.RETRY, Result.PERMANENT, Result.AUTH, Result.CONFLICT])
def test_a_page_that_surely_did_not_come_leaves_its_closing_alone(result, state):
    assert folded(result, closed(TOLD, state)).pages[0].hops[0].closing == TOLD


@pytest.mark.parametrize("result", [Result.OK, Result.UNKNOWN])
@pytest.mark.parametrize(
    "closing",
    [
        pytest.param(TOLD.model_copy(update={"attempts": 0}), id="that the vendor has no word for"),
        pytest.param(
            TOLD.model_copy(update={"state": "Pending", "attempts": 3, "next_attempt_time": LATER}),
            id="that waits for its next try",
        ),
    ],
)
def test_a_late_page_does_not_hurry_a_closing(closing, result):
    assert folded(result, closed(closing)).pages[0].hops[0].closing == closing


@pytest.mark.parametrize("kind", [AcknowledgePage, ResolvePage])
@pytest.mark.parametrize("result", [Result.OK, Result.UNKNOWN])
def test_an_end_that_another_process_may_have_crossed_with_the_page_is_told_anew(kind, result):
    told = Closing(action="Resolve" if kind is ResolvePage else "Acknowledge", state="Pending")
    both = [Outcome(SEND, result, LATER), Outcome(kind(SEND.incident, SEND.page, 0), Result.OK, LATER)]
    status = record(closed(told), both, LATER)
    assert status.pages[0].hops[0].closing == told.model_copy(update={"attempts": 1})
    again = record(status, [Outcome(kind(SEND.incident, status.pages[0], 0), Result.OK, LATER)], LATER)
    closing = again.pages[0].hops[0].closing
    assert closing is not None
    assert (closing.state, closing.attempts) == ("Done", 2)
