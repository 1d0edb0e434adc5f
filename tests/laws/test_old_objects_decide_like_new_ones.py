"""Law 6: a status that an older or a newer version wrote never stops a decision, and loses nothing."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from tests.laws.strategies import Program, played, programs
from watchbill.api.incident_status import IncidentStatus
from watchbill.core.decide import decide
from watchbill.core.outcomes import Outcome, Result
from watchbill.core.record import record

EXTRA = "fieldOfANewerVersion"


def check(program: Program, choice: st.DataObject) -> None:
    """Fails where a decision about a status without some fields, or with some that are unknown, raises."""
    world = played(program)
    written = world.stored.to_json()
    without = choice.draw(st.sets(st.sampled_from(sorted(optional_fields(IncidentStatus)))))
    old = IncidentStatus.model_validate(changed(written, without))
    incident = world.observation.incident.model_copy(update={"status": old})
    observation = replace(world.observation, incident=incident)
    decision = decide(observation, world.now)
    outcomes = [Outcome(effect, Result.OK, world.now) for effect in decision.pages]
    recorded = record(decision.status, outcomes, world.now)
    again = decide(replace(observation, incident=incident.model_copy(update={"status": recorded})), world.now)
    assert again.status.to_json()[EXTRA] == {"of": "the future"}
    assert all(EXTRA in page for page in again.status.to_json().get("pages", ())[: len(old.pages)])


def optional_fields(model: type[BaseModel]) -> set[str]:
    """The API names that are optional wherever they occur in a status, at any depth."""
    fields = list(_fields(model))
    required = {field.alias for field in fields if field.is_required()}
    return {field.alias for field in fields if field.alias} - required


def _fields(model: type[BaseModel]) -> Iterator[FieldInfo]:
    for field in model.model_fields.values():
        yield field
        for inner in _models(field.annotation):
            yield from _fields(inner)


def changed(value: Any, without: set[str]) -> Any:
    """The JSON value without some fields, and with one that nobody knows in every object."""
    if isinstance(value, list):
        return [changed(item, without) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {name: changed(item, without) for name, item in value.items() if name not in without}
    return kept | {EXTRA: {"of": "the future"}}


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in getattr(annotation, "__args__", ()) for model in _models(part)]


@given(programs(), st.data())
def test_old_objects_decide_like_new_ones(program: Program, choice: st.DataObject):
    check(program, choice)


def test_the_fields_that_can_be_absent_are_found():
    assert {"policy", "uncertain", "lastResortCount", "credentialChanged", "reopenCount"} <= optional_fields(
        IncidentStatus
    )
