"""Which verb guards which field of an Incident, and whose name stands for it. Data only.

The admission policies are made from these tables; a field of the spec that is in none of them may be
written by nobody, and fails a test.
"""

from typing import Literal

Verb = Literal["declare", "acknowledge", "escalate", "resolve"]

VERB_OF: dict[str, Verb] = {
    "title": "declare",
    "summary": "declare",
    "classRef": "declare",
    "severity": "declare",
    "mode": "declare",
    "affected": "declare",
    "roles": "declare",
    "acknowledgedBy": "acknowledge",
    "escalation": "escalate",
    "state": "resolve",
    "stateReason": "resolve",
    "debtSettledBy": "resolve",
}
"""The verb on incidents that guards each field of an Incident's spec, by the field's API name."""

STATE = ("state", "stateReason")
"""What a person says of an incident: one act, whichever of the two changes."""

OPENING: Verb = "declare"
"""The verb that guards `STATE` in place of the table's where the state becomes Open or absent."""

AUTHORS = "setBy"
"""The field that no verb guards: it names authors, and has rules of its own."""

DECLARATION = "declaration"
"""The author in `AUTHORS` who declared the incident, all of it; it never changes."""

AUTHORED: dict[str, tuple[str, ...]] = {
    "severity": ("severity",),
    "state": STATE,
    "escalation": ("escalation",),
    "roles": ("roles",),
}
"""For every other author in `AUTHORS`, the fields that they change and that it changes with."""

CORRECTIONS = ("title", "summary", "affected")
"""The fields that may still be put right when the incident has ended: they wake nobody."""

ENDED = ("Closed", "Cancelled", "Merged")
"""The phases in which an incident takes no more acts."""

INCIDENTS = "incidents"
UPDATES = "incidentupdates"
CONNECTIONS = "connections"
RUNBOOKS = "runbooks"
RUNS = "runbookruns"

APPROVE = "approve"
"""The verb that guards approvals: on incidentupdates of an update, on runbooks of a run."""

RUN = "run"
"""The verb on runbooks that lets somebody run one."""

ACCOUNT_PREFIX = "system:serviceaccount:"
"""How the user name of every ServiceAccount begins, and no person's."""
