"""What kstatus, by which Flux, kpt and Helm 4 wait, makes of our kinds: an open incident holds up nothing."""

from datetime import UTC, datetime
from itertools import product
from typing import Any, get_args

import pytest

from tests.support.kstatus import kstatus
from watchbill.api.condition import Condition, ConditionStatus
from watchbill.api.incident_status import Phase
from watchbill.api.reasons import REASONS, IncidentCondition, Reason
from watchbill.api.run_reasons import RunCondition
from watchbill.core.lifecycle import phase_of

pytestmark = pytest.mark.feature("F63")

Json = dict[str, Any]
MOMENT = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
STATUSES: tuple[ConditionStatus, ...] = ("True", "False")
SEEN = {"observedGeneration": 2}


def thing(status: Json | None, **metadata: Any) -> Json:
    made: Json = {"metadata": {"name": "example", "generation": 2, **metadata}}
    return made if status is None else made | {"status": status}


def conditions(**held: str) -> Json:
    return SEEN | {"conditions": [{"type": type_, "status": status} for type_, status in held.items()]}


VECTORS: dict[str, tuple[Json, str]] = {
    "no status": (thing(None), "Current"),
    "an empty status": (thing({}), "Current"),
    "being deleted": (
        thing(conditions(Ready="True"), deletionTimestamp="2026-03-29T01:30:00Z"),
        "Terminating",
    ),
    "seen in an older generation": (
        thing(conditions(Ready="True") | {"observedGeneration": 1}),
        "InProgress",
    ),
    "ready": (thing(conditions(Ready="True")), "Current"),
    "not ready": (thing(conditions(Ready="False")), "InProgress"),
    "not known to be ready": (thing(conditions(Ready="Unknown")), "InProgress"),
    "reconciling, and ready": (thing(conditions(Ready="True", Reconciling="True")), "InProgress"),
    "stalled": (thing(conditions(Ready="False", Stalled="True")), "Failed"),
    "with conditions of its own alone": (thing(conditions(Accepted="False")), "Current"),
}


@pytest.mark.parametrize(("found", "says"), VECTORS.values(), ids=VECTORS)
def test_the_algorithm_is_as_its_documentation_has_it(found: Json, says: str):
    assert kstatus(found) == says


def test_an_incident_is_current_in_every_phase_whatever_its_conditions_say():
    found = set()
    for statuses in product(STATUSES, repeat=len(IncidentCondition)):
        for reason in (Reason.CANCELLED, Reason.REOPEN_WINDOW_OVER):
            held = [
                Condition(type=type_, status=status, reason=reason, last_transition_time=MOMENT)
                for type_, status in zip(IncidentCondition, statuses, strict=True)
            ]
            found.add(phase_of(held))
            status = SEEN | {"conditions": [each.model_dump(mode="json", by_alias=True) for each in held]}
            assert kstatus(thing(status)) == "Current"
    assert found == set(get_args(Phase))


def test_a_run_is_current_whatever_its_conditions_say():
    """Whoever waits for its end waits for the condition Succeeded, as for a Job's Complete."""
    for statuses in product(("True", "False", "Unknown"), repeat=len(RunCondition)):
        assert (
            kstatus(thing(conditions(**dict(zip(map(str, RunCondition), statuses, strict=True)))))
            == "Current"
        )


def test_no_kind_has_a_condition_that_says_it_will_never_be_right():
    """Each waits for what it lacks: kstatus would give up on one that is Stalled."""
    assert {"Stalled", "Reconciling"} & {*map(str, REASONS), *map(str, RunCondition)} == set()
