"""How a page gets through: one hop after the other until one accepts."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.support.builders import T0, UNKEYED, connections, observation, policy, seeing, target
from tests.support.play import (
    BAD_KEY,
    ERROR,
    OK,
    REFUSED,
    TIMEOUT,
    begun,
    condition,
    effect_of,
    events,
    hops,
    page_of,
    paged,
    passed,
)
from tests.support.simulate import Answer, Cut, Simulation
from watchbill.core.decide import decide
from watchbill.core.outcomes import Outcome, Result
from watchbill.core.record import record
from watchbill.core.texts import page_text

RATE_LIMITED = Answer(Result.RETRY, after=timedelta(minutes=5), reason="HTTP429")
ONE_LEVEL = policy(("only", "1h", [target("pagerduty", "backup", "mail")]), last_resort="mail")
CHAIN = connections(mail=UNKEYED)


def chain(**answers):
    return begun(answers, policies={"primary": ONE_LEVEL}, connections=CHAIN)


@pytest.mark.feature("F26")
@pytest.mark.parametrize(
    ("answer", "attempts"),
    [
        pytest.param(ERROR, 2, id="answers 503, also the second time"),
        pytest.param(TIMEOUT, 1, id="does not answer"),
        pytest.param(REFUSED, 1, id="refuses the page for good"),
        pytest.param(BAD_KEY, 1, id="refuses the credential"),
        pytest.param(RATE_LIMITED, 1, id="asks to wait for five minutes"),
    ],
)
def test_the_page_goes_out_by_the_next_connection_within_20_s_and_degraded_names_the_first(answer, attempts):
    incident = passed(chain(pagerduty=answer), "29s")
    sent = paged(incident)
    assert [connection for _, _, connection in sent] == ["pagerduty"] * attempts + ["backup"]
    assert sent[-1][0] <= 20
    assert page_of(incident, "only").state == "Accepted"
    degraded = condition(incident, "Degraded")
    assert (degraded.status, degraded.reason) == ("True", "ConnectionFailing")
    assert "connection shop/pagerduty fails" in degraded.message
    assert answer.reason in degraded.message
    assert events(incident) == ["Triggered", "FellOver"]
    (fell,) = [entry for entry in incident.status.timeline if entry.kind == "FellOver"]
    assert (fell.text, fell.source) == (
        f"only: pagerduty could not deliver ({answer.reason}); trying backup",
        "page",
    )


def test_a_connection_whose_send_hangs_beyond_15_s_is_passed_by_and_counts_as_unknown():
    incident = decide(observation(), T0)
    key = incident.pages[0].page.hops[0].key
    seen = replace(seeing(observation(), status=incident.status), in_flight=frozenset({(key, "trigger")}))
    assert decide(seen, T0 + timedelta(seconds=14, milliseconds=999)).pages == ()
    later = decide(seen, T0 + timedelta(seconds=15))
    pages: tuple[Any, ...] = later.pages
    assert [(page.hop, page.repeated) for page in pages] == [(1, False)]
    assert [hop.state for hop in later.status.pages[0].hops] == ["Unknown", "Claimed"]
    assert later.status.pages[0].hops[0].uncertain


def test_a_second_try_succeeds_without_a_fallback():
    incident = chain(pagerduty=ERROR)
    incident.answers["pagerduty"] = OK
    passed(incident, "1s")
    assert paged(incident) == [(0, "only", "pagerduty"), (1, "only", "pagerduty")]
    assert page_of(incident, "only").hops[0].attempts == 2
    assert condition(incident, "Degraded").status == "False"


def test_the_last_connection_is_tried_for_a_minute_with_growing_waits_and_then_given_up():
    only = policy(("only", "1h", [target("pagerduty")]), last_resort="backup")
    incident = passed(begun({"pagerduty": ERROR}, policies={"primary": only}), "59s")
    assert page_of(incident, "only").state == "Pending"
    passed(incident, "1h")
    assert [at for at, level, _ in paged(incident) if level == "only"] == [0, 1, 3, 7, 15, 31]
    assert page_of(incident, "only").state == "Failed"


def test_an_unknown_page_through_the_only_connection_is_sent_again_and_says_repeated():
    only = policy(("only", "1h", [target("backup")]), last_resort="backup")
    incident = passed(begun({"backup": TIMEOUT}, policies={"primary": only}), "11s")
    assert [(effect_of(sent).repeated, sent.time) for sent in incident.sent] == [
        (False, T0),
        (True, T0 + timedelta(seconds=11)),
    ]
    assert "This page is repeated: it may have reached you before." in page_text(incident.sent[-1].effect)


def test_an_unknown_first_connection_is_tried_again_where_all_others_failed():
    incident = passed(chain(pagerduty=TIMEOUT, backup=REFUSED, mail=REFUSED), "12s")
    assert [connection for _, _, connection in paged(incident)] == [
        "pagerduty",
        "backup",
        "mail",
        "pagerduty",
    ]
    assert effect_of(incident.sent[-1]).repeated


def test_once_one_connection_accepted_no_other_is_tried_even_if_the_first_answers_late():
    incident = passed(chain(pagerduty=TIMEOUT), "59m")
    assert paged(incident) == [(0, "only", "pagerduty"), (10, "only", "backup")]
    first = incident.sent[0].effect
    status = record(incident.stored, [Outcome(first, Result.OK, incident.now)], incident.now)
    assert [hop.state for hop in status.pages[0].hops] == ["Accepted", "Accepted", "Pending"]


def test_a_page_fails_with_a_reason_when_no_connection_is_left():
    incident = chain(pagerduty=REFUSED, backup=REFUSED, mail=BAD_KEY)
    assert page_of(incident, "only").state == "Failed"
    assert [hop.state for hop in page_of(incident, "only").hops] == ["Failed"] * 3
    fell = [entry.text for entry in incident.status.timeline if entry.kind == "FellOver"]
    assert fell[:3] == [
        "only: pagerduty could not deliver (HTTP400); trying backup",
        "only: backup could not deliver (HTTP400); trying mail",
        "only: mail could not deliver (HTTP401); no connection is left",
    ]


def test_a_page_that_is_not_wanted_any_more_is_superseded_and_never_sent():
    incident = begun({"pagerduty": ERROR})
    incident.change(acknowledgedBy={"ana": {}})
    passed(incident, "10m")
    assert len(paged(incident)) == 1
    assert page_of(incident, "primary").state == "Superseded"


def test_a_page_without_a_key_is_claimed_with_holder_and_time_before_it_is_sent():
    incident = Simulation(observation(policies={"primary": policy(("a", "5m", [target("backup")]))}))
    incident.cut = Cut.AFTER_RECORD
    incident.react()
    (hop,) = incident.stored.pages[0].hops
    assert incident.sent == []
    assert hop.state == "Claimed"
    assert hop.claim is not None
    assert (hop.claim.by, hop.claim.time) == ("operator-1", T0)


def test_a_page_with_a_key_is_sent_without_a_claim():
    incident = begun()
    assert hops(incident)[0].claim is None
    assert incident.writes == 1


@pytest.mark.parametrize(
    ("waited", "sent"),
    [
        pytest.param(9, [], id="is left alone for 10 s"),
        pytest.param(10, [("a", True)], id="is sent after 10 s, and says repeated"),
    ],
)
def test_a_page_that_another_process_claimed(waited, sent):
    incident = Simulation(observation(policies={"primary": policy(("a", "5m", [target("backup")]))}))
    incident.cut = Cut.AFTER_RECORD
    incident.react()
    passed(incident, "20s")
    incident.start()
    passed(incident, f"{waited}s")
    assert [
        (s.effect.page.level, effect_of(s).repeated) for s in incident.sent if s.effect.page.level == "a"
    ] == sent


def test_what_this_process_is_sending_already_is_not_sent_again():
    incident = decide(observation(), T0)
    key = incident.pages[0].page.hops[0].key
    seen = seeing(observation(), status=incident.status)
    assert decide(replace(seen, in_flight=frozenset({(key, "trigger")})), T0).pages == ()
    assert len(decide(seen, T0).pages) == 1


def test_an_orphan_that_is_on_its_way_is_sent_again_by_the_next_process():
    sending = decide(observation(), T0).status
    seen = replace(seeing(observation(), status=sending), holder="operator-2")
    later = decide(seen, T0 + timedelta(seconds=20))
    assert [(effect.action, effect.hop) for effect in later.pages] == [("trigger", 0)]
    assert later.status.pages[0].hops[0].first_attempt_time == T0 + timedelta(seconds=20)


def test_only_the_first_page_of_an_epoch_needs_no_fresh_read():
    incident = passed(begun({"pagerduty": ERROR}), "5m")
    first, *others = [effect_of(sent).first_of_epoch for sent in incident.sent]
    assert first
    assert not any(others)


def test_while_the_api_server_is_gone_a_page_without_a_key_goes_out_once():
    only = policy(("only", "1h", [target("backup")]), last_resort="pagerduty")
    incident = Simulation(observation(policies={"primary": only}), answers={"backup": TIMEOUT})
    incident.lose_sight()
    passed(incident, "10m")
    assert [connection for _, level, connection in paged(incident) if level == "only"] == ["backup"]
