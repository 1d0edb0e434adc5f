"""The index of runs by incident, and who must look when one has changed."""

from typing import Any

from watchbill.shell.cache import ObjectKey
from watchbill.shell.runs.of_incidents import RunsOfIncidents

OPERATOR = "system:serviceaccount:watchbill:watchbill"
CART = ObjectKey("Incident", "shop", "cart")
ENDED = "2026-03-09T03:00:00.000Z"


def run(incident: str = "cart", by: str = "ana", **status: Any) -> Any:
    ref = {"incidentRef": {"name": incident}} if incident else {}
    return {
        "metadata": {"name": "run-1", "namespace": "shop", "uid": "u-1"},
        "spec": {"runbookRef": {"name": "book"}, "requestedBy": by, **ref},
        "status": status,
    }


MARKED = {"phase": "Succeeded", "marks": "Mitigated", "endedTime": ENDED, "incidentUID": "i-1"}
DEBT = [{"step": "flip", "what": "a flag", "expiresTime": ENDED}]


def test_only_what_matters_to_an_incident_wakes_it():
    index = RunsOfIncidents(OPERATOR)
    assert index.told(run("")) is None
    assert index.told(run(phase="Running")) is None
    assert index.told(run(phase="Running", marks="Mitigated")) is None
    assert index.told(run(phase="Running", debt=DEBT)) == CART
    assert index.told(run(phase="Running", debt=DEBT, progress="1/2")) is None
    assert index.told(run(**MARKED)) == CART
    assert index.told(run(**MARKED)) is None


def test_a_mark_is_of_a_run_that_has_succeeded_alone():
    index = RunsOfIncidents(OPERATOR)
    for phase in ("Running", "Failed", "Undone", "Cancelled"):
        index.told(run(**{**MARKED, "phase": phase}))
        assert index.of("shop", "cart")[0].mitigated is None
    index.told(run(**MARKED))
    assert index.of("shop", "cart")[0].mitigated is not None


def test_who_stands_behind_a_run_is_who_requested_the_outermost_or_who_approved():
    index = RunsOfIncidents(OPERATOR)
    people = []
    approved = [{"name": "a", "approvedBy": ["bo"]}]
    for by, requesters, steps in (
        ("ana", ["ana"], []),
        ("account", ["account", "ana"], []),
        (OPERATOR, [OPERATOR], []),
        (OPERATOR, [OPERATOR], approved),
        ("account", ["account", OPERATOR], approved),
    ):
        index.told(run(by=by, requesters=requesters, steps=steps, phase="Succeeded"))
        people.append(index.of("shop", "cart")[0].person)
    assert people == ["ana", "ana", "", "bo", "bo"]


def test_a_run_that_is_gone_is_forgotten():
    index = RunsOfIncidents(OPERATOR)
    index.told(run(**MARKED))
    index.gone("shop", "run-1")
    assert index.of("shop", "cart") == ()
