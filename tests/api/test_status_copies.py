"""A copy of a status is what pydantic would make of it."""

from pydantic import BaseModel

from watchbill.api.incident_status import EscalationStatus, IncidentStatus


def test_a_copy_is_pydantics_own_whatever_is_replaced():
    status = IncidentStatus.model_validate({"phase": "Triggered", "ofANewerVersion": {"a": 1}})
    changes = {"severity": "SEV-1", "escalation": EscalationStatus(epoch=2)}
    copied, theirs = status.model_copy(update=changes), BaseModel.model_copy(status, update=changes)
    assert copied == theirs
    assert copied.model_extra == theirs.model_extra == {"ofANewerVersion": {"a": 1}}
    assert copied.to_json() == theirs.to_json()
    assert (status.severity, status.escalation.epoch) == ("", 0)


def test_a_field_that_only_a_newer_version_has_can_be_replaced_too():
    status = IncidentStatus.model_validate({"ofANewerVersion": 1})
    assert status.model_copy(update={"ofANewerVersion": 2}).model_extra == {"ofANewerVersion": 2}
