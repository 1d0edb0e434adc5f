"""Runbook: typed parameters, ordered steps, the account that they act as, and its limits."""

from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from watchbill.api.escalation_policy import GitOwnedStatus
from watchbill.api.model import (
    DnsLabel,
    Duration,
    Generation,
    KindName,
    LinkUrl,
    ObjectMeta,
    ObjectName,
    SeverityName,
    SpecModel,
    UserName,
)
from watchbill.api.parameter import Parameter
from watchbill.api.probe import Condition, Text63, Verify
from watchbill.api.runbook_run_status import MAX_STEPS
from watchbill.api.safety import Safety
from watchbill.api.schema import SET, duration_between, list_map, rule, rules
from watchbill.api.step import ACTING, KINDS, LOW_RISK, StepBody, Undo, one_kind

READ_ONLY = ("manual", "check", "wait")
"""The kinds that change nothing."""

Risk = Literal["ReadOnly", "Low", "High"]


class Match(SpecModel):
    """Which incidents the runbook is for; what is absent matches every one."""

    classes: Annotated[tuple[KindName, ...], Field(max_length=20)] = Field(
        default=(), description="classes are the names of the IncidentClasses.", json_schema_extra=SET
    )
    severities: Annotated[tuple[SeverityName, ...], Field(max_length=10)] = Field(
        default=(), description="severities are the severities.", json_schema_extra=SET
    )
    services: Annotated[tuple[Text63, ...], Field(max_length=50)] = Field(
        default=(), description="services are the services of which one is affected.", json_schema_extra=SET
    )
    condition: Condition | None = Field(
        default=None, description="condition is CEL over `incident`, the object, that must be true too."
    )


class Scope(SpecModel):
    """What the steps may touch beyond the namespace, and what within it."""

    namespaces: Annotated[tuple[DnsLabel, ...], Field(max_length=20)] = Field(
        default=(),
        description="namespaces are the other namespaces in which a target may be; the account needs its "
        "rights there.",
        json_schema_extra=SET,
    )
    selector: (
        Annotated[
            str,
            Field(
                min_length=3,
                max_length=256,
                pattern=r"^[A-Za-z0-9./_-]+=[A-Za-z0-9._-]*(,[A-Za-z0-9./_-]+=[A-Za-z0-9._-]*)*$",
            ),
        ]
        | None
    ) = Field(
        default=None,
        description="selector is what labels a Kubernetes object must have to be touched: "
        "`runbooks=allowed,tier=web`.",
    )


class Retry(SpecModel):
    """How often a step that surely did nothing is tried again."""

    limit: Annotated[int, Field(ge=1, le=10)] = Field(description="limit is how often after the first time.")
    backoff: Duration | None = Field(
        default=None,
        description="backoff is the wait before the first of them, doubled each time; absent means 5s.",
        json_schema_extra=duration_between("1s", "1h", "backoff"),
    )


class ApprovalRule(SpecModel):
    """Who else must agree before the step starts: holders of `approve` on it, never the requester."""

    count: Annotated[int, Field(ge=0, le=5)] = Field(
        default=1, description="count is how many must approve; 0 leaves it to who runs it."
    )
    expires_after: Duration = Field(
        default="30m",
        description="expiresAfter is how long the run waits for approvals, and how long one counts.",
        json_schema_extra=duration_between("1s", "24h", "expiresAfter"),
    )


class DebtRule(SpecModel):
    """Until when what the step changed may stay as it is."""

    expires_after: Duration = Field(
        description="expiresAfter is after how long the owner is reminded.",
        json_schema_extra=duration_between("1s", "2160h", "expiresAfter"),
    )
    owner: UserName | None = Field(
        default=None, description="owner is who clears it; by default who requested the run."
    )


_NEEDS_TARGET = (
    "!has(self.verify) || has(self.verify.targetRef) || has(self.verify.promQL) || has(self.verify.http) || "
    "has(self.rollback) || has(self.traffic) || (has(self.kubernetes) && has(self.kubernetes.targetRef))"
)


class Step(StepBody):
    """One step of a runbook."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(*one_kind(KINDS)),
            rule(
                "!has(self.risk) || self.risk != 'ReadOnly' || "
                + " || ".join(f"has(self.{kind})" for kind in READ_ONLY),
                "`risk` must not be ReadOnly: this kind of step changes something",
            ),
            rule(_NEEDS_TARGET, "`verify` must say what to look at: set its `targetRef`, `promQL` or `http`"),
        )
    )

    name: DnsLabel = Field(description="name is the name of the step, unique in the runbook.")
    if_: Condition | None = Field(
        default=None,
        alias="if",
        description="if is CEL over `parameters`, `incident` and `steps`; where it is false, the step is "
        "skipped.",
    )
    timeout: Duration | None = Field(
        default=None,
        description="timeout is how long the step may take; absent means 10m.",
        json_schema_extra=duration_between("1s", "24h", "timeout"),
    )
    retry: Retry | None = Field(
        default=None, description="retry is how often it is tried again where it surely did nothing."
    )
    on_failure: Literal["Stop", "Continue", "Undo"] | None = Field(
        default=None,
        description="onFailure is what follows a failure: Stop, the default, Continue, or Undo of all steps "
        "before it.",
    )
    risk: Risk | None = Field(
        default=None,
        description="risk is ReadOnly, Low or High; a High step waits for approval. By default what changes "
        "something is High, but for notify, and for runbook, whose steps have their own.",
    )
    approval: ApprovalRule | None = Field(
        default=None, description="approval says who else must agree; by default one person for a High step."
    )
    verify: Verify | None = Field(default=None, description="verify is the evidence that the step worked.")
    undo: Undo | None = Field(
        default=None, description="undo takes the step back, in place of what Watchbill knows by itself."
    )
    debt: DebtRule | None = Field(
        default=None, description="debt says until when what was changed may stay so; absent means 24h."
    )
    marks: Literal["Mitigated"] | None = Field(
        default=None, description="marks is what the incident becomes when the step has worked."
    )


_HIGH_KINDS = " || ".join(f"has(s.{kind})" for kind in ACTING if kind not in LOW_RISK)
_HIGH = f"(has(s.risk) ? s.risk == 'High' : {_HIGH_KINDS})"


class RunbookSpec(SpecModel):
    """What is done, as whom, and within which limits."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "!has(self.start) || self.start != 'Auto' || "
                f"self.steps.all(s, !{_HIGH} || (has(s.approval) && (!has(s.approval.count) || "
                "s.approval.count > 0)))",
                "`start` must not be Auto while a step of High risk has no `approval`: a person must agree "
                "to it",
                ".start",
            )
        )
    )

    title: Annotated[str, Field(min_length=1, max_length=256)] = Field(
        description="title says what the runbook does."
    )
    description: Annotated[str, Field(max_length=2048)] | None = Field(
        default=None, description="description says more: when it helps, and when it does not."
    )
    owners: Annotated[tuple[UserName, ...], Field(max_length=10)] = Field(
        default=(), description="owners are whom to ask about it.", json_schema_extra=SET
    )
    docs_url: LinkUrl | None = Field(
        default=None, alias="docsURL", description="docsURL is where more is written."
    )
    service_account_name: ObjectName = Field(
        description="serviceAccountName is the ServiceAccount of this namespace that the steps act as. Who "
        "writes the runbook needs `create` on its token, and the operator must be granted the same.",
    )
    match: Match | None = Field(default=None, description="match says which incidents it is for.")
    suspend: bool | None = Field(
        default=None,
        description="suspend keeps runs from beginning while it is true: they are Blocked, go on once it is "
        "false or gone, and none starts by itself. What has begun goes on; a dry run changes nothing, and "
        "shows its plan.",
    )
    start: Literal["Manual", "Suggest", "Auto"] = Field(
        default="Manual",
        description="start is Manual, Suggest to be listed in matching incidents, or Auto to be run "
        "for them.",
    )
    parameters: Annotated[tuple[Parameter, ...], Field(max_length=16)] = Field(
        default=(), description="parameters are what a run may set.", json_schema_extra=list_map("name")
    )
    scope: Scope | None = Field(default=None, description="scope says what the steps may touch.")
    safety: Safety | None = Field(default=None, description="safety holds its limits.")
    timeout: Duration | None = Field(
        default=None,
        description="timeout is how long a run may take, waiting included; absent means 1h.",
        json_schema_extra=duration_between("1s", "168h", "timeout"),
    )
    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=MAX_STEPS)] = Field(
        description="steps are done in order.", json_schema_extra=list_map("name")
    )


class RunbookStatus(GitOwnedStatus):
    """What the operator found, and which content a run would be pinned to."""

    revision: Generation = Field(default=0, description="revision is the generation that `hash` is of.")
    hash: Annotated[str, Field(max_length=80)] = Field(
        default="", description="hash is the digest of the content that a run started now would have."
    )


class Runbook(SpecModel):
    """A reviewed, typed, versioned way to mitigate; a template, never itself run."""

    kind_name: ClassVar[str] = "Runbook"

    metadata: ObjectMeta = ObjectMeta()
    spec: RunbookSpec
    status: RunbookStatus = RunbookStatus()
