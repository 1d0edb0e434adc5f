"""What people see of the kinds with plain kubectl: selection, explanation, columns, names."""

import pytest

from dev.waiting import wait_until
from tests.integration.objects import create, declare
from tests.integration.rule_cases import manifest
from watchbill.api.group import CATEGORY, GROUP
from watchbill.api.kinds import KINDS

pytestmark = pytest.mark.cluster

PLURALS = [kind.plural for kind in KINDS]
SETTLE_SECONDS = 30.0


def test_incidents_are_selected_by_severity_phase_and_commander(kubectl, namespace, admin):
    declare(admin, phase="Triggered", commander="ana")

    def selected(selector):
        words = (f"--namespace={namespace}", f"--field-selector={selector}", "--output=name")
        return kubectl("get", "inc", *words).stdout.split()

    found = [f"incident.{GROUP}/example"]
    assert selected("spec.severity=SEV-1,status.phase=Triggered,status.commander=ana") == found
    assert selected("spec.mode=Live,status.phase!=Closed") == found
    assert selected("status.phase=Closed") == []
    assert selected("spec.severity=SEV-2") == []


def test_updates_are_selected_by_their_incident(kubectl, namespace, admin):
    create(admin, manifest("IncidentUpdate", {}, name="of-checkout"))
    create(admin, manifest("IncidentUpdate", {"incidentRef": {"name": "search"}}, name="other"))
    words = (f"--namespace={namespace}", "--field-selector=spec.incidentRef.name=checkout", "--output=name")
    assert kubectl("get", "incupd", *words).stdout.split() == [f"incidentupdate.{GROUP}/of-checkout"]


EXPLAINED = {
    "incident": "whoever is on call is paged until somebody acknowledges",
    "incident.spec.severity": "severity is the name of a row of the class's severity matrix, such as SEV-1.",
    "incident.spec.state": "ENUM: Open Mitigated Resolved Cancelled",
    "incident.status.phase": "Known values: Pending, Triggered, Acknowledged, Mitigated",
    "escalationpolicy.spec.lastResort": "lastResort is required: an exhausted or empty policy ends here",
    "incidentclass.spec.severities.acknowledgeWithin": "an acknowledgement is expected; it sets a deadline",
    "connection.spec.pagerDuty.baseURL": "the EU's is https://events.eu.pagerduty.com",
    "incidentupdate.spec.publicPhase": "publicPhase is the phase to tell the public from now on.",
}


@pytest.mark.parametrize("path", EXPLAINED)
def test_explain_says_what_a_field_is_for(kubectl, path):
    def complaint():
        answer = kubectl("explain", f"--api-version={GROUP}/v1alpha1", path, check=False)
        said = " ".join(answer.stdout.split())
        return None if EXPLAINED[path] in said else f"{said or answer.stderr}"

    # The API server publishes the schema a moment after it serves the kind.
    wait_until(complaint, SETTLE_SECONDS)


COLUMNS = {
    "incidents": "NAME SEVERITY PHASE COMMANDER NEXT AGE",
    "escalationpolicies": "NAME READY AGE",
    "incidentclasses": "NAME READY AGE",
    "connections": "NAME READY AGE",
    "incidentupdates": "NAME INCIDENT BY PUBLIC READY AGE",
    "runbooks": "NAME ACCOUNT START READY AGE",
    "runbookruns": "NAME RUNBOOK PHASE STEPS BY BLOCKED AGE",
}

WIDE_COLUMNS = {
    "incidents": f"{COLUMNS['incidents']} ACKNOWLEDGED POLICY LEVEL EPOCH TITLE CHANNEL",
    "escalationpolicies": "NAME READY REASON MESSAGE SUSPENDED AGE",
    "incidentclasses": "NAME READY REASON MESSAGE AGE",
    "connections": "NAME READY REASON MESSAGE AGE",
    "incidentupdates": "NAME INCIDENT BY PUBLIC READY REASON MESSAGE AGE",
    "runbooks": "NAME ACCOUNT START READY REASON MESSAGE SUSPENDED AGE TITLE",
    "runbookruns": f"{COLUMNS['runbookruns']} INCIDENT PLAN MESSAGE",
}


@pytest.mark.parametrize("plural", PLURALS)
def test_get_shows_the_columns_that_people_need(kubectl, namespace, admin, plural):
    (kind,) = [kind for kind in KINDS if kind.plural == plural]
    name = f"columns-{plural}"
    create(admin, manifest(kind.name, {}, name=name))
    words = ("get", plural, name, f"--namespace={namespace}")
    assert " ".join(kubectl(*words).stdout.splitlines()[0].split()) == COLUMNS[plural]
    wide = kubectl(*words, "--output=wide").stdout.splitlines()[0]
    assert " ".join(wide.split()) == WIDE_COLUMNS[plural]


def test_a_moment_that_lies_ahead_is_printed_as_it_is(kubectl, namespace, admin):
    declare(
        admin,
        phase="Triggered",
        commander="ana",
        policy={"name": "team-policy"},
        escalation={"epoch": 1, "level": "primary", "nextTime": "2126-01-01T00:00:00.000Z"},
        conditions=[
            {
                "type": "Acknowledged",
                "status": "False",
                "reason": "Waiting",
                "lastTransitionTime": "2026-01-01T00:00:00.000Z",
            }
        ],
    )
    words = ("get", "inc", f"--namespace={namespace}", "--no-headers", "--output=wide")
    cells = kubectl(*words).stdout.split()
    age = cells.pop(5)
    assert age.endswith("s")
    assert cells == [
        *("example", "SEV-1", "Triggered", "ana", "2126-01-01T00:00:00.000Z"),
        *("False", "team-policy", "primary", "1", "Checkout", "returns", "500"),
    ]


def test_the_short_names_and_the_category_are_served(kubectl, namespace, admin):
    declare(admin)
    create(admin, manifest("EscalationPolicy", {}))
    for name in ("inc", "escpol", "incclass", "incupd"):
        kubectl("get", name, f"--namespace={namespace}")
    listed = kubectl("get", CATEGORY, f"--namespace={namespace}", "--output=name").stdout.split()
    assert f"incident.{GROUP}/example" in listed
    assert f"escalationpolicy.{GROUP}/example" in listed
