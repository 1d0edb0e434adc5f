"""IncidentUpdate: one posted update; it never changes, and the next one is another object."""

from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from watchbill.api.escalation_policy import GitOwnedStatus
from watchbill.api.incident_status import PublicPhase
from watchbill.api.model import ObjectMeta, ObjectName, SpecModel, UserName
from watchbill.api.schema import SET, rule, rules

IMMUTABLE = ("incidentRef", "audience", "text", "publicPhase", "by")


class IncidentRef(SpecModel):
    """The name of an Incident in the same namespace."""

    name: ObjectName = Field(description="name is the name of an Incident in the same namespace.")


class Approval(SpecModel):
    """What one approver says."""

    decision: Literal["Approved", "Rejected"] = Field(
        default="Approved", description="decision is Approved or Rejected."
    )
    note: Annotated[str, Field(max_length=512)] | None = Field(default=None, description="note says why.")


class IncidentUpdateSpec(SpecModel):
    """What is said, to whom, by whom."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                " && ".join(
                    f"has(self.{f}) == has(oldSelf.{f}) && (!has(self.{f}) || self.{f} == oldSelf.{f})"
                    for f in IMMUTABLE
                ),
                "an update must not change once posted: create another",
            )
        )
    )

    incident_ref: IncidentRef = Field(description="incidentRef names the incident.")
    by: UserName | None = Field(
        default=None,
        description="by is the user name of the author; the API server checks that it is the caller.",
    )
    audience: Annotated[
        tuple[Literal["Internal", "Stakeholders", "Public"], ...], Field(min_length=1, max_length=3)
    ] = Field(
        description="audience says who may read it.",
        json_schema_extra=SET,
    )
    public_phase: PublicPhase | None = Field(
        default=None, description="publicPhase is the phase to tell the public from now on."
    )
    text: Annotated[str, Field(min_length=1, max_length=4096)] = Field(
        description="text is the update, in plain text."
    )
    approvals: Annotated[dict[str, Approval], Field(max_length=10)] = Field(
        default={},
        description="approvals holds an entry for each approver, under their own user name.",
        json_schema_extra=rules(
            rule(
                "self.all(k, size(k) > 0 && size(k) <= 253)",
                "every key of `approvals` must be a user name of 1 to 253 characters",
            )
        ),
    )


class IncidentUpdate(SpecModel):
    """One posted update of an incident."""

    kind_name: ClassVar[str] = "IncidentUpdate"

    metadata: ObjectMeta = ObjectMeta()
    spec: IncidentUpdateSpec
    status: GitOwnedStatus = GitOwnedStatus()
