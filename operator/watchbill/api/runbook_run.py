"""RunbookRun: one execution of a runbook. What is true of it is in `runbook_run_status`."""

from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from watchbill.api.incident_update import IncidentRef
from watchbill.api.model import DnsLabel, KindName, ObjectMeta, SpecModel, UserName
from watchbill.api.runbook_run_status import ENDED, MAX_STEPS, RunbookRunStatus
from watchbill.api.schema import SET, rule, rules
from watchbill.api.step import PARAMETER_KEYS, ParameterValue, RunbookRef

IMMUTABLE = (
    "runbookRef",
    "incidentRef",
    "parameters",
    "dryRun",
    "requestedBy",
    "reason",
    "parentRef",
)
MUTABLE = ("approvals", "manualDone", "cancelledBy")
"""What people add to a run, each under their own user name."""

ENDED_RULE = rule(
    "!has(oldSelf.status) || !has(oldSelf.status.phase) || !(oldSelf.status.phase in "
    f"[{', '.join(repr(phase) for phase in ENDED)}]) || "
    "(self.spec == oldSelf.spec && has(self.status) && self.status == oldSelf.status)",
    "a run that has ended must not change: create another",
)
"""A rule over the whole object, since it compares the spec by what the status says."""

PlanHash = Annotated[str, Field(max_length=71, pattern=r"^sha256:[0-9a-f]{12,64}$")]

USER_KEYS = "self.all(k, size(k) > 0 && size(k) <= 253)"

StepNames = Annotated[tuple[DnsLabel, ...], Field(max_length=MAX_STEPS)]


class RunRef(SpecModel):
    """The name of a RunbookRun in the same namespace."""

    name: KindName = Field(description="name is the name of a RunbookRun in the same namespace.")


class RunApproval(SpecModel):
    """What one approver says of the plan that they saw."""

    plan_hash: PlanHash = Field(description="planHash is status.plan.hash of the plan that is meant.")
    decision: Literal["Approved", "Rejected"] = Field(
        default="Approved", description="decision is Approved or Rejected."
    )
    steps: StepNames = Field(
        default=(),
        description="steps are the steps that are meant; absent means all.",
        json_schema_extra=SET,
    )
    note: Annotated[str, Field(max_length=512)] | None = Field(default=None, description="note says why.")


class ManualDone(SpecModel):
    """The manual steps that one person has done."""

    steps: Annotated[tuple[DnsLabel, ...], Field(min_length=1, max_length=MAX_STEPS)] = Field(
        description="steps are the names of the steps.", json_schema_extra=SET
    )
    note: Annotated[str, Field(max_length=512)] | None = Field(
        default=None, description="note says how it went."
    )


class Cancellation(SpecModel):
    """One person's wish that no further step starts."""

    reason: Annotated[str, Field(max_length=512)] | None = Field(default=None, description="reason says why.")


class RunbookRunSpec(SpecModel):
    """What is run, for whom, and what people say of it meanwhile."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                " && ".join(
                    f"has(self.{f}) == has(oldSelf.{f}) && (!has(self.{f}) || self.{f} == oldSelf.{f})"
                    for f in IMMUTABLE
                ),
                "a run must not change but for " + ", ".join(f"`{f}`" for f in MUTABLE) + ": create another",
            )
        )
    )

    runbook_ref: RunbookRef = Field(description="runbookRef names the runbook.")
    incident_ref: IncidentRef | None = Field(
        default=None, description="incidentRef names the incident that it is run for."
    )
    parameters: Annotated[dict[str, ParameterValue], Field(max_length=16)] = Field(
        default={},
        description="parameters are the values of the runbook's parameters, all written as text.",
        json_schema_extra=PARAMETER_KEYS,
    )
    dry_run: bool | None = Field(
        default=None,
        description="dryRun set to true shows the plan, with every refusal, and changes nothing.",
    )
    requested_by: UserName | None = Field(
        default=None,
        description="requestedBy is the user name of who runs it; the API server checks that it is the "
        "caller.",
    )
    reason: Annotated[str, Field(max_length=512)] | None = Field(
        default=None, description="reason says why it is run."
    )
    parent_ref: RunRef | None = Field(
        default=None, description="parentRef names the run of which this one is a step."
    )
    approvals: Annotated[dict[str, RunApproval], Field(max_length=10)] = Field(
        default={},
        description="approvals holds an entry for each approver, under their own user name.",
        json_schema_extra=rules(
            rule(USER_KEYS, "every key of `approvals` must be a user name of 1 to 253 characters")
        ),
    )
    manual_done: Annotated[dict[str, ManualDone], Field(max_length=10)] = Field(
        default={},
        description="manualDone holds who has done which manual steps, under their own user name.",
        json_schema_extra=rules(
            rule(USER_KEYS, "every key of `manualDone` must be a user name of 1 to 253 characters")
        ),
    )
    cancelled_by: Annotated[dict[str, Cancellation], Field(max_length=10)] = Field(
        default={},
        description="cancelledBy holds who wants that no further step starts, under their own user name.",
        json_schema_extra=rules(
            rule(USER_KEYS, "every key of `cancelledBy` must be a user name of 1 to 253 characters")
        ),
    )


class RunbookRun(SpecModel):
    """One execution of a runbook."""

    kind_name: ClassVar[str] = "RunbookRun"

    metadata: ObjectMeta = ObjectMeta()
    spec: RunbookRunSpec
    status: RunbookRunStatus = RunbookRunStatus()
