"""The status of a RunbookRun: what it was pinned to, what it would do, and what it did."""

from typing import Annotated, Literal

from pydantic import Field

from watchbill.api.condition import Condition
from watchbill.api.model import Generation, StatusModel, Time, read_as
from watchbill.api.page import Claim, Count, Id, OwnName, Uid, Word
from watchbill.api.schema import ATOMIC, list_map

MAX_STEPS = 20
MAX_CONTENT = 65_536
"""The longest snapshot of a runbook, in characters of JSON."""

MAX_OUTPUT = 4096
MAX_DIFF = 4096
MAX_UNDO = 2048
MAX_APPROVALS = 20

ENDED = ("Succeeded", "Failed", "Undone", "Cancelled")
"""The phases after which nothing of a run changes."""

Message = Annotated[str, Field(max_length=512)]
Name = Annotated[str, Field(max_length=253)]
Hash = Annotated[str, Field(max_length=80)]
Value = Annotated[str, Field(max_length=256)]

# A word of a newer operator is read as what acts least: nothing new starts, and a person is asked.
RunPhase = Annotated[
    Literal[
        "Pending",
        "Planning",
        "AwaitingApproval",
        "Running",
        "Verifying",
        "Blocked",
        "Undoing",
        "Succeeded",
        "Failed",
        "Undone",
        "Cancelled",
    ],
    read_as("Blocked"),
]
StepPhase = Annotated[
    Literal[
        "Pending",
        "Acting",
        "Following",
        "Verifying",
        "Succeeded",
        "Skipped",
        "Failed",
        "Unknown",
        "UndoPending",
        "Undoing",
        "Undone",
        "UndoFailed",
    ],
    read_as("Unknown"),
]
LockState = Annotated[Literal["Wanted", "Held"], read_as("Wanted")]
Decision = Annotated[Literal["Approved", "Rejected"], read_as("Rejected")]
Risk = Annotated[Literal["ReadOnly", "Low", "High"], read_as("High")]


class Snapshot(StatusModel):
    """The runbook as it was when the run began; nothing of it ever changes."""

    uid: Uid = Field(description="uid is the UID of the runbook.")
    revision: Generation = Field(description="revision is the generation of the runbook.")
    hash: Hash = Field(description="hash is the digest of the content.")
    account: Name = Field(description="account is the ServiceAccount that the steps act as.")
    content: Annotated[str, Field(max_length=MAX_CONTENT)] = Field(
        description="content is the runbook's spec, in JSON."
    )


class PinnedParameter(StatusModel):
    """The value of one parameter in this run."""

    name: OwnName = Field(description="name is the name of the parameter.")
    value: Value = Field(default="", description="value is its value; *** for a secret one.")


class PlannedStatus(StatusModel):
    """What one step would do, as the API server itself foretold it."""

    name: OwnName = Field(description="name is the name of the step.")
    hash: Hash = Field(description="hash is the digest of what it would do.")
    risk: Risk = Field(default="High", description="risk is how much can go wrong.")
    approvals: Count = Field(default=0, description="approvals is how many people must approve it.")
    summary: Message = Field(default="", description="summary says what it would do, in a line.")
    diff: Annotated[str, Field(max_length=MAX_DIFF)] = Field(
        default="", description="diff says what would change, a field a line."
    )
    denied: Message = Field(default="", description="denied says what refuses it, where something does.")
    forbidden: bool = Field(default=False, description="forbidden says that the account lacks a right.")
    undo: Message = Field(default="", description="undo says how it would be taken back.")


class Plan(StatusModel):
    """What the run would do; an approval is of one plan."""

    hash: Hash = Field(default="", description="hash is the digest that an approval copies.")
    time: Time = Field(description="time is when it was made.")
    steps: Annotated[tuple[PlannedStatus, ...], Field(max_length=MAX_STEPS)] = Field(
        default=(), description="steps are the steps of the runbook.", json_schema_extra=list_map("name")
    )


class OutputRef(StatusModel):
    """Where the rest of an output is kept."""

    kind: Word = Field(default="ConfigMap", description="kind is the kind of the object.")
    name: Name = Field(description="name is the name of the object, in the run's namespace.")


class StepStatus(StatusModel):
    """What became of one step."""

    name: OwnName = Field(description="name is the name of the step.")
    phase: StepPhase = Field(default="Pending", description="phase is how far it is.")
    attempts: Count = Field(default=0, description="attempts counts the tries.")
    started_time: Time | None = Field(default=None, description="startedTime is when its turn came.")
    acted_time: Time | None = Field(default=None, description="actedTime is when it was first claimed.")
    deadline_time: Time | None = Field(
        default=None, description="deadlineTime is until when what is waited for may take."
    )
    next_time: Time | None = Field(default=None, description="nextTime is when it is looked at again.")
    ended_time: Time | None = Field(default=None, description="endedTime is when it ended.")
    claim: Claim | None = Field(default=None, description="claim is who took it on to act.")
    approved_by: Annotated[tuple[Name, ...], Field(max_length=5)] = Field(
        default=(), description="approvedBy are who had approved when it started.", json_schema_extra=ATOMIC
    )
    handle: Name = Field(default="", description="handle names what it waits for, such as a Job.")
    output: Annotated[str, Field(max_length=MAX_OUTPUT)] = Field(
        default="", description="output is what came of it, cut and with secrets masked."
    )
    output_ref: OutputRef | None = Field(
        default=None, description="outputRef names the object that holds the whole output."
    )
    reason: Word = Field(default="", description="reason is one word for what went wrong.")
    message: Message = Field(default="", description="message says what went wrong, and what to do.")
    undo: Annotated[str, Field(max_length=MAX_UNDO)] = Field(
        default="", description="undo is how to take it back, in JSON, from what was there before."
    )


class ApprovalRecord(StatusModel):
    """What one approver said, and when it was first seen."""

    user: Name = Field(description="user is who said it.")
    plan_hash: Hash = Field(description="planHash is the plan that they meant.")
    decision: Decision = Field(description="decision is what they said.")
    steps: Annotated[tuple[OwnName, ...], Field(max_length=MAX_STEPS)] = Field(
        default=(),
        description="steps are the steps that they meant; none means all.",
        json_schema_extra=ATOMIC,
    )
    time: Time = Field(description="time is when it was first seen.")


class Lock(StatusModel):
    """What no two runs act on at a time."""

    key: Name = Field(description="key is what is locked.")
    state: LockState = Field(description="state is Wanted until no other run can hold it, then Held.")
    time: Time = Field(description="time is when it was wanted.")


class Attention(StatusModel):
    """Why a person is asked to look."""

    reason: Word = Field(description="reason is one word.")
    message: Message = Field(default="", description="message says what to look at.")
    attempts: Count = Field(default=0, description="attempts counts the tries to reach somebody.")
    next_time: Time | None = Field(default=None, description="nextTime is when the next try is due.")
    asked_time: Time | None = Field(default=None, description="askedTime is when somebody was reached.")


class Debt(StatusModel):
    """One change that was meant for a while."""

    step: OwnName = Field(description="step is the step that made it.")
    what: Message = Field(description="what says what was changed.")
    undo: Message = Field(default="", description="undo says how to take it back.")
    owner: Name = Field(default="", description="owner is who clears it.")
    expires_time: Time = Field(description="expiresTime is when the owner is reminded.")


class RunbookRunStatus(StatusModel):
    """What is true of a run."""

    observed_generation: Generation = Field(
        default=0, description="observedGeneration is the generation that this status is about."
    )
    phase: RunPhase | None = Field(default=None, description="phase sums up the run.")
    progress: Word = Field(default="", description="progress is how many steps are done, such as 2/5.")
    conditions: Annotated[tuple[Condition, ...], Field(max_length=8)] = Field(
        default=(),
        description="conditions holds Planned, Blocked, Approved, Succeeded and Ended.",
        json_schema_extra=list_map("type"),
    )
    blocked_reason: Word = Field(default="", description="blockedReason is one word for what holds it up.")
    blocked_message: Message = Field(default="", description="blockedMessage says what to do about it.")
    snapshot: Snapshot | None = Field(default=None, description="snapshot is the runbook that it runs.")
    incident_uid: Uid = Field(
        default="",
        alias="incidentUID",
        description="incidentUID is the UID of the incident that it was taken on for.",
    )
    requesters: Annotated[tuple[Name, ...], Field(max_length=8)] = Field(
        default=(),
        description="requesters are who requested it and the runs that it is a step of: none may approve.",
        json_schema_extra=ATOMIC,
    )
    parameters: Annotated[tuple[PinnedParameter, ...], Field(max_length=16)] = Field(
        default=(), description="parameters are its values.", json_schema_extra=list_map("name")
    )
    lock: Lock | None = Field(default=None, description="lock is what no other run may act on meanwhile.")
    plan: Plan | None = Field(default=None, description="plan is what it would do.")
    plan_reason: Word = Field(default="", description="planReason is one word for why there is no plan.")
    plan_message: Message = Field(default="", description="planMessage says what to do about it.")
    plan_attempts: Count = Field(default=0, description="planAttempts counts the tries to make a plan.")
    next_plan_time: Time | None = Field(default=None, description="nextPlanTime is when a plan is made anew.")
    approvals: Annotated[tuple[ApprovalRecord, ...], Field(max_length=MAX_APPROVALS)] = Field(
        default=(), description="approvals are what approvers said.", json_schema_extra=list_map("user")
    )
    steps: Annotated[tuple[StepStatus, ...], Field(max_length=MAX_STEPS)] = Field(
        default=(), description="steps are what became of each step.", json_schema_extra=list_map("name")
    )
    stopped_reason: Word = Field(default="", description="stoppedReason is why no further step starts.")
    stopped_message: Message = Field(default="", description="stoppedMessage says more.")
    attention: Attention | None = Field(default=None, description="attention is why a person is asked.")
    debt: Annotated[tuple[Debt, ...], Field(max_length=MAX_STEPS)] = Field(
        default=(), description="debt lists what was changed for a while.", json_schema_extra=list_map("step")
    )
    marks: Id = Field(default="", description="marks is what the incident becomes by it.")
    pinned_time: Time | None = Field(default=None, description="pinnedTime is when it was taken on.")
    deadline_time: Time | None = Field(
        default=None, description="deadlineTime is until when it must have ended."
    )
    started_time: Time | None = Field(default=None, description="startedTime is when it first acted.")
    ended_time: Time | None = Field(default=None, description="endedTime is when it ended.")
