"""The decision as a whole."""

from datetime import timedelta

import pytest

from tests.support.builders import T0, incident, observation, seeing
from tests.support.play import ACKNOWLEDGED, begun, decided, passed, said
from watchbill.api.incident_status import IncidentStatus
from watchbill.core import decide as deciding
from watchbill.core.abandon import resolves
from watchbill.core.decide import decide
from watchbill.core.effects import ConnectionKey, connection_of, hop_of


def test_a_new_incident_is_decided_in_one_step():
    found = decide(observation(), T0)
    (effect,) = found.pages
    assert (effect.action, connection_of(effect)) == ("trigger", ConnectionKey("shop", "pagerduty"))
    assert hop_of(effect) == found.status.pages[0].hops[0]
    assert found.status.phase == "Triggered"
    assert found.requeue_after == timedelta(seconds=15)
    assert [event.reason for event in found.events] == ["Triggered"]


def test_deciding_again_at_the_same_moment_changes_nothing_and_tells_nobody():
    first = decide(observation(), T0)
    second = decide(seeing(observation(), status=first.status), T0)
    assert (second.status, second.pages, second.events) == (first.status, first.pages, ())


def test_all_that_people_wrote_is_decided_at_once():
    seen = observation(
        incident(
            acknowledgedBy={"ana": {}, "bo": {}},
            state="Mitigated",
            roles={"commander": "cy"},
            setBy={"state": "ana"},
        )
    )
    status = decide(seen, T0).status
    assert (status.phase, status.commander) == ("Mitigated", "cy")
    assert [record.user for record in status.acknowledgements] == ["ana", "bo"]


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(lambda i: said(i, "Cancelled"), id="that was cancelled"),
        pytest.param(lambda i: said(i, "Resolved"), id="that waits for its postmortem"),
    ],
)
def test_time_changes_nothing_in_an_incident(act):
    found = passed(begun(), "1m")
    act(found)
    assert decided(found).requeue_after is None


def test_a_status_of_an_older_version_is_decided_like_a_new_one():
    old = {
        "phase": "Triggered",
        "escalation": {"epoch": 1, "state": "Waiting", "round": 1, "level": "primary"},
    }
    found = decide(seeing(observation(), status=IncidentStatus.model_validate(old)), T0)
    assert len(found.pages) == 1
    assert len(found.status.conditions) == 8


def test_a_step_that_never_comes_to_rest_is_a_programming_error(monkeypatch):
    def restless(draft):
        return draft.having(reopen_count=draft.status.reopen_count + 1)

    monkeypatch.setattr(deciding, "STEPS", (restless,))
    with pytest.raises(RuntimeError, match="no fixed point after 200 passes"):
        decide(observation(), T0)


def test_an_incident_from_creation_to_resolution_takes_three_writes():
    found = passed(begun(), "1m")
    found.change(**ACKNOWLEDGED)
    passed(found, "1m")
    said(found, "Resolved")
    passed(found, "1h")
    assert [sent.effect.action for sent in found.sent] == ["trigger", "acknowledge", "resolve"]
    assert (found.stored.phase, found.writes) == ("Resolved", 3)


def test_what_a_deleted_incident_may_have_open_outside_is_resolved():
    found = passed(begun(), "6m")
    assert [effect.page.level for effect in resolves(found.observation)] == []
    seen = seeing(found.observation, status=found.stored)
    assert [(e.action, e.page.level) for e in resolves(seen)] == [
        ("resolve", "primary"),
        ("resolve", "secondary"),
    ]
    said(found, "Resolved")
    assert resolves(seeing(found.observation, status=found.stored)) == ()
    gone = seeing(observation(connections={}), status=passed(begun(), "1m").stored)
    assert [effect.page.level for effect in resolves(gone)] == ["primary"], "its failure says what to close"


def test_the_effects_tell_what_the_incident_is_about():
    seen = observation(
        incident("SEV-2", summary="All carts.", affected=[{"service": "cart"}, {"name": "db"}, {}])
    )
    facts = decide(seen, T0).pages[0].incident
    assert (facts.namespace, facts.name, facts.title) == ("shop", "checkout-500s", "Checkout returns 500")
    assert (facts.severity, facts.rank, facts.summary, facts.services) == (
        "SEV-2",
        2,
        "All carts.",
        ("cart", "db"),
    )
