"""How the outside is told that a page needs no more attention."""

from dataclasses import replace

import pytest

from tests.support.builders import KEYED, UNKEYED, connections, observation, policy, target
from tests.support.play import (
    ACKNOWLEDGED,
    BAD_KEY,
    ERROR,
    OK,
    REFUSED,
    TIMEOUT,
    begun,
    condition,
    effect_of,
    escalates,
    hops,
    keys,
    passed,
    said,
    told,
)
from tests.support.simulate import Cut, Simulation
from watchbill.core.backoff import CLOSING_ATTEMPTS
from watchbill.core.effects import ConnectionKey
from watchbill.core.ledger import MAX_PAGES
from watchbill.core.outcomes import Outcome, Result
from watchbill.core.record import record
from watchbill.core.texts import page_text


@pytest.mark.parametrize(
    ("act", "action", "by"),
    [
        pytest.param(lambda i: i.change(**ACKNOWLEDGED), "acknowledge", "ana", id="when ana acknowledges"),
        pytest.param(lambda i: said(i, "Mitigated", by="bo"), "acknowledge", "bo", id="when bo mitigates"),
        pytest.param(lambda i: said(i, "Resolved", by="bo"), "resolve", "bo", id="when bo resolves"),
        pytest.param(lambda i: said(i, "Cancelled", by="cy"), "resolve", "cy", id="when cy cancels"),
    ],
)
def test_every_page_is_closed_once_at_once_in_the_name_of_who_did_it(act, action, by):
    incident = passed(begun(), "6m")
    act(incident)
    passed(incident, "10m")
    closings = [sent for sent in incident.sent if sent.effect.action != "trigger"]
    assert [(s.effect.action, effect_of(s).by) for s in closings] == [(action, by)] * 2
    assert sorted(s.key for s in closings) == sorted(keys(incident))


def test_who_resolves_is_named_although_somebody_else_commands():
    incident = begun()
    incident.change(**ACKNOWLEDGED)
    said(incident, "Resolved", by="bo")
    assert incident.status.commander == "ana"
    assert page_text(incident.sent[-1].effect).startswith(
        "SEV-1 resolved by bo: Checkout returns 500\nIncident"
    )
    assert effect_of(incident.sent[-1]).by == "bo"


def test_a_page_that_is_taken_alone_is_acknowledged_in_the_name_of_its_taker():
    incident = begun()
    incident.change(**ACKNOWLEDGED)
    escalates(incident)
    page = incident.status.pages[-1]
    incident.change(acknowledgedBy={"ana": {}, "bo": {"page": page.id}})
    last = incident.sent[-1]
    assert (last.effect.action, effect_of(last).by, last.key) == ("acknowledge", "bo", page.hops[0].key)


def test_what_was_acknowledged_is_resolved_later_and_what_was_resolved_is_not_acknowledged():
    incident = begun()
    incident.change(**ACKNOWLEDGED)
    said(incident, "Resolved")
    said(incident, "Open", "again")
    incident.change(acknowledgedBy={"ana": {"note": "again"}})
    first, second = keys(incident)
    assert keys(incident, "acknowledge") == [first, second]
    assert keys(incident, "resolve") == [first]


def test_a_connection_that_knows_no_acknowledgement_is_told_of_the_end_alone():
    seen = connections(pagerduty=replace(KEYED, acknowledges=False))
    incident = begun(connections=seen)
    incident.change(**ACKNOWLEDGED)
    assert told(incident, "acknowledge") == []
    said(incident, "Resolved")
    assert len(told(incident, "resolve")) == 1
    assert condition(incident, "Degraded").status == "False"


def test_a_vendor_that_fails_is_told_again_with_growing_waits():
    incident = begun()
    incident.answers["pagerduty"] = ERROR
    incident.change(**ACKNOWLEDGED)
    passed(incident, "10s")
    incident.answers["pagerduty"] = OK
    passed(incident, "10m")
    assert [at for at, _ in told(incident, "acknowledge")] == [0, 1, 3, 7, 15]
    closing = hops(incident)[0].closing
    assert closing is not None
    assert closing.state == "Done"


@pytest.mark.parametrize(
    ("answer", "attempts"),
    [
        pytest.param(ERROR, CLOSING_ATTEMPTS, id="fails for an hour"),
        pytest.param(REFUSED, 1, id="refuses for good"),
        pytest.param(BAD_KEY, 1, id="refuses the credential"),
    ],
)
def test_degraded_says_which_key_to_close_by_hand_when_the_vendor(answer, attempts):
    incident = begun()
    incident.answers["pagerduty"] = answer
    said(incident, "Resolved")
    passed(incident, "65m")
    assert len(told(incident, "resolve")) == attempts
    degraded = condition(incident, "Degraded")
    assert degraded.status == "True"
    assert degraded.message == f"close {keys(incident)[0]} by hand: shop/pagerduty could not be told"


def test_a_connection_that_is_gone_is_closed_by_hand():
    incident = begun()
    incident.alter(connections={ConnectionKey("shop", "backup"): UNKEYED})
    said(incident, "Resolved")
    assert told(incident, "resolve") == []
    assert "by hand" in condition(incident, "Degraded").message


def test_another_credential_than_the_page_was_sent_with_is_said():
    incident = begun()
    (sent,) = incident.sent
    status = record(
        incident.stored.model_copy(update={"pages": ()}),
        [Outcome(sent.effect, Result.OK, incident.now, credential="old")],
        incident.now,
    )
    incident.stored = status
    said(incident, "Resolved")
    degraded = condition(incident, "Degraded")
    assert (degraded.status, degraded.reason) == ("True", "CredentialChanged")
    assert f"close {sent.key} by hand" in degraded.message


def test_a_resolve_is_repeated_after_60_s_and_after_5_min_where_a_page_is_uncertain():
    incident = begun({"pagerduty": TIMEOUT})
    passed(incident, "10s")
    incident.answers = {}
    said(incident, "Resolved")
    passed(incident, "30m")
    assert [at for at, key in told(incident, "resolve") if key == keys(incident)[0]] == [10, 70, 310]
    assert [at for at, key in told(incident, "resolve") if key != keys(incident)[0]] == [10]


def test_a_repetition_that_fails_is_tried_again_and_counts_once():
    incident = begun({"pagerduty": TIMEOUT})
    passed(incident, "10s")
    incident.answers = {}
    said(incident, "Resolved")
    incident.answers = {"pagerduty": ERROR}
    passed(incident, "60s")
    incident.answers = {}
    passed(incident, "30m")
    assert [at for at, key in told(incident, "resolve") if key == keys(incident)[0]] == [10, 70, 72, 312]


def test_a_resolve_is_repeated_where_a_process_died_with_the_page_on_its_way():
    incident = Simulation(observation(policies={"primary": policy(("a", "5m", [target("backup")]))}))
    incident.cut = Cut.AFTER_RECORD
    incident.react()
    incident.observation = begun(spec={"state": "Resolved"}).observation
    incident.start()
    passed(incident, "30m")
    assert [at for at, _ in told(incident, "resolve")] == [0, 60, 300]


def test_a_resolve_is_not_repeated_where_the_page_surely_arrived():
    incident = begun()
    said(incident, "Resolved")
    assert len(told(passed(incident, "30m"), "resolve")) == 1


@pytest.mark.parametrize(
    ("act", "action"),
    [
        pytest.param(lambda i: i.change(**ACKNOWLEDGED), "acknowledge", id="acknowledged"),
        pytest.param(lambda i: said(i, "Resolved"), "resolve", id="resolved"),
    ],
)
def test_what_is_on_its_way_is_not_closed_before_it_has_landed_when_it_is(act, action):
    incident = begun({"pagerduty": TIMEOUT})
    incident.answers = {}
    act(passed(incident, "5s"))
    assert told(incident, action) == []
    assert (10, keys(incident)[0]) in told(passed(incident, "5s"), action)


def test_what_never_went_out_is_not_closed():
    incident = begun({"pagerduty": REFUSED})
    incident.change(**ACKNOWLEDGED)
    assert keys(incident, "acknowledge") == [keys(incident)[1]]


def test_a_late_answer_to_an_acknowledgement_does_not_end_the_resolve():
    incident = begun()
    incident.change(**ACKNOWLEDGED)
    acknowledge = incident.sent[-1].effect
    said(incident, "Resolved")
    before = incident.stored
    assert record(before, [Outcome(acknowledge, Result.PERMANENT, incident.now)], incident.now) == before


def test_pages_that_are_too_many_are_resolved_outside_and_then_dropped():
    incident = begun(policies={"primary": policy(("a", "1s", [target("pagerduty")]))})
    passed(incident, "12h")
    assert len(incident.status.pages) == MAX_PAGES
    assert len(keys(incident)) - len(keys(incident, "resolve")) == MAX_PAGES
    assert {effect_of(sent).by for sent in incident.sent if sent.effect.action == "resolve"} == {""}


def test_a_resolve_whose_answer_is_lost_is_sent_again():
    incident = begun()
    incident.answers["pagerduty"] = TIMEOUT
    said(incident, "Resolved")
    passed(incident, "10s")
    assert [at for at, _ in told(incident, "resolve")] == [0]
    passed(incident, "1s")
    assert [at for at, _ in told(incident, "resolve")] == [0, 11]
