"""The status of an Incident: the record that a decision is made from, and all that survives a crash."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from watchbill.api.condition import Condition
from watchbill.api.escalation_policy import LastResort, Level, Repeat
from watchbill.api.incident_class import Severity
from watchbill.api.incident_runbooks import MAX_DEBT, IncidentDebt, IncidentRunbooks
from watchbill.api.model import Generation, StatusModel, Time, read_as
from watchbill.api.page import (
    Claim,
    Closing,
    ClosingAction,
    ClosingState,
    Count,
    Hop,
    HopState,
    OwnName,
    Page,
    PageState,
    Uid,
    Word,
)
from watchbill.api.resources import Resources
from watchbill.api.schema import ATOMIC, WHOLE, list_map

__all__ = [
    "Claim",
    "Closing",
    "ClosingAction",
    "ClosingState",
    "Hop",
    "HopState",
    "IncidentStatus",
    "Page",
    "PageState",
]

MAX_PAGES = 64
"""The most pages that a status holds; the core drops settled ones well before."""

MAX_ACKNOWLEDGEMENTS = 48
"""The most records: one for each entry of `acknowledgedBy`, and room for withdrawn ones."""

MAX_ROLES = 8
"""The most roles: those of a severity, and the commander."""

MAX_TIMELINE = 50
"""The most entries of the timeline; the newest are kept."""

Phase = Literal["Pending", "Triggered", "Acknowledged", "Mitigated", "Resolved", "Closed", "Cancelled"]
PublicPhase = Literal["Investigating", "Identified", "Monitoring", "Resolved"]
# A state that a newer operator knows is taken for one that goes on paging.
EscalationState = Annotated[Literal["Idle", "Waiting", "Snoozed", "Exhausted", "Stopped"], read_as("Waiting")]

Short = Annotated[str, Field(max_length=64)]
Name = Annotated[str, Field(max_length=253)]
Message = Annotated[str, Field(max_length=256)]


class FrozenSeverity(Severity):
    """A row of the severity matrix as it was; its description is not kept, and takes no room."""

    description: SkipJsonSchema[str] = ""


class FrozenClass(StatusModel):
    """The IncidentClass as it was when the incident triggered."""

    name: OwnName = Field(description="name is the name of the class.")
    uid: Uid = Field(description="uid is the UID of the class.")
    hash: Short = Field(description="hash is a digest of the frozen content.")
    severities: Annotated[tuple[FrozenSeverity, ...], Field(max_length=10)] = Field(
        description="severities is the severity matrix as it was.",
        json_schema_extra=ATOMIC,
    )


class FrozenPolicy(StatusModel):
    """The EscalationPolicy as it was when the incident triggered or last adopted it."""

    name: OwnName = Field(description="name is the name of the policy.")
    namespace: OwnName = Field(description="namespace is the namespace of the policy.")
    uid: Uid = Field(description="uid is the UID of the policy.")
    hash: Short = Field(description="hash is a digest of the frozen content.")
    levels: Annotated[tuple[Level, ...], Field(max_length=10)] = Field(
        description="levels are the levels as they were.", json_schema_extra=ATOMIC
    )
    repeat: Repeat = Field(default=Repeat(), description="repeat says how often levels are walked.")
    last_resort: LastResort = Field(
        description="lastResort is who is paged when all levels have been walked."
    )


class EscalationStatus(StatusModel):
    """Where the escalation stands."""

    epoch: Count = Field(default=0, description="epoch grows whenever paging starts anew; part of every key.")
    state: EscalationState = Field(default="Idle", description="state is what escalation does now.")
    round: Count = Field(default=0, description="round counts the walks through the levels.")
    level: Short = Field(default="", description="level is the level that is open.")
    opened_time: Time | None = Field(default=None, description="openedTime is when the level opened.")
    next_time: Time | None = Field(default=None, description="nextTime is when the next level opens.")
    last_resort_count: Count = Field(
        default=0, description="lastResortCount counts the pages of lastResort in this epoch."
    )
    snoozed_until_time: Time | None = Field(
        default=None, description="snoozedUntilTime is until when no level opens."
    )
    exhausted_time: Time | None = Field(
        default=None, description="exhaustedTime is when all levels had been walked in vain."
    )


class AcknowledgementRecord(StatusModel):
    """Who acknowledged, when, by which way, and for which epoch it counts."""

    user: Name = Field(description="user is who acknowledged.")
    time: Time = Field(description="time is when the operator first saw it.")
    via: Word = Field(default="kubectl", description="via is the way: kubectl, chat, pager.")
    epoch: Count = Field(description="epoch is the epoch that it counts for.")
    digest: Word = Field(description="digest is of the entry's value; another value is another act.")
    page: Word = Field(default="", description="page is the one page that it is for.")
    note: Annotated[str, Field(max_length=256)] = Field(
        default="", description="note is what the person said."
    )
    withdrawn_time: Time | None = Field(
        default=None, description="withdrawnTime is when the entry was seen to be gone."
    )


class SeenActs(StatusModel):
    """Digests of what people last wrote; a changed digest is a new act."""

    state: Short = Field(default="", description="state is of the pair state and stateReason.")
    request: Short = Field(default="", description="request is of the escalation request.")
    adopt: Short = Field(default="", description="adopt is of the wish to adopt the policy.")
    snooze: Short = Field(default="", description="snooze is of the time to snooze until.")


class RoleHolder(StatusModel):
    """Who holds a role."""

    name: Short = Field(description="name is the role, such as commander.")
    user: Name = Field(description="user is who holds it.")
    since_time: Time = Field(description="sinceTime is since when.")


class Times(StatusModel):
    """When each thing first happened, or last where that is said."""

    triggered_time: Time | None = Field(default=None, description="triggeredTime is when paging began.")
    acknowledged_time: Time | None = Field(
        default=None, description="acknowledgedTime is when somebody first acknowledged."
    )
    mitigated_time: Time | None = Field(
        default=None, description="mitigatedTime is when the harm was last said to have stopped."
    )
    resolved_time: Time | None = Field(
        default=None, description="resolvedTime is when the incident was last resolved."
    )
    reopened_time: Time | None = Field(
        default=None, description="reopenedTime is when the incident was last reopened."
    )
    closed_time: Time | None = Field(
        default=None, description="closedTime is when the incident ended for good."
    )


class Deadlines(StatusModel):
    """What is expected of people, and by when."""

    acknowledge_time: Time | None = Field(
        default=None, description="acknowledgeTime is by when the class expects an acknowledgement."
    )
    update_time: Time | None = Field(
        default=None, description="updateTime is by when the class expects the next update."
    )
    acknowledgement_expiry_time: Time | None = Field(
        default=None,
        description="acknowledgementExpiryTime is when the acknowledgement expires without update.",
    )
    close_time: Time | None = Field(default=None, description="closeTime is when a resolved incident closes.")


class UpdatesSeen(StatusModel):
    """What has been seen of the incident's IncidentUpdates."""

    count: Count = Field(default=0, description="count is how many were posted.")
    last_time: Time | None = Field(default=None, description="lastTime is when the last was posted.")
    last_name: Name = Field(default="", description="lastName is the name of the last.")


class TimelineEntry(StatusModel):
    """One thing that happened."""

    time: Time = Field(description="time is when it happened.")
    kind: Word = Field(description="kind is what sort of thing happened.")
    actor: Name = Field(description="actor is the user, or watchbill for the operator.")
    source: Word = Field(
        description="source is by which way: kubectl, timer, page, update, channel, runbook."
    )
    text: Message = Field(description="text says what happened.")


class IncidentStatus(StatusModel):
    """What is true of an incident; written by the operator alone."""

    # One writer writes all of it. Where more than one might, the API server keeps an entry of `managedFields`
    # for each field, which was a third of the whole object, and costs time with each read and each write.
    model_config = ConfigDict(json_schema_extra=WHOLE)

    conditions: Annotated[tuple[Condition, ...], Field(max_length=12)] = Field(
        default=(),
        description="conditions are the facts; phase is derived from them.",
        json_schema_extra=list_map("type"),
    )
    observed_generation: Generation = Field(
        default=0, description="observedGeneration is the generation that this status is about."
    )
    phase: Annotated[Phase | None, read_as(None)] = Field(
        default=None,
        description="phase is derived from the conditions; new values may appear.",
    )
    public_phase: Annotated[PublicPhase | None, read_as(None)] = Field(
        default=None, description="publicPhase is what posted updates say to the public."
    )
    severity: Short = Field(
        default="", description="severity is the row of the matrix that is being worked to."
    )
    commander: Name = Field(default="", description="commander is who commands the incident.")
    frozen_class: FrozenClass | None = Field(
        default=None, alias="class", description="class is the class as it was at trigger."
    )
    policy: FrozenPolicy | None = Field(
        default=None, description="policy is the policy as it was at trigger or adoption."
    )
    escalation: EscalationStatus = Field(
        default=EscalationStatus(), description="escalation is where the escalation stands."
    )
    pages: Annotated[tuple[Page, ...], Field(max_length=MAX_PAGES)] = Field(
        default=(), description="pages is the ledger of pages.", json_schema_extra=ATOMIC
    )
    acknowledgements: Annotated[tuple[AcknowledgementRecord, ...], Field(max_length=MAX_ACKNOWLEDGEMENTS)] = (
        Field(
            default=(),
            description="acknowledgements records who acknowledged, when and how.",
            json_schema_extra=ATOMIC,
        )
    )
    roles: Annotated[tuple[RoleHolder, ...], Field(max_length=MAX_ROLES)] = Field(
        default=(),
        description="roles says who holds which role.",
        json_schema_extra=ATOMIC,
    )
    times: Times = Field(default=Times(), description="times says when what happened.")
    deadlines: Deadlines = Field(default=Deadlines(), description="deadlines says what is expected by when.")
    updates: UpdatesSeen = Field(default=UpdatesSeen(), description="updates says what was posted.")
    acts: SeenActs = Field(default=SeenActs(), description="acts are digests of people's acts.")
    resources: Resources = Field(default=Resources(), description="resources stand outside for the incident.")
    runbooks: IncidentRunbooks = Field(
        default=IncidentRunbooks(),
        description="runbooks says which runbooks are for it, and which were started.",
    )
    debt: Annotated[tuple[IncidentDebt, ...], Field(max_length=MAX_DEBT)] = Field(
        default=(),
        description="debt lists the temporary changes to take back before it closes.",
        json_schema_extra=ATOMIC,
    )
    debt_omitted: Count = Field(default=0, description="debtOmitted counts those that are not listed.")
    reopen_count: Count = Field(default=0, description="reopenCount counts the times it was reopened.")
    timeline: Annotated[tuple[TimelineEntry, ...], Field(max_length=MAX_TIMELINE)] = Field(
        default=(),
        description="timeline is what happened, in order, the newest last.",
        json_schema_extra=ATOMIC,
    )
    timeline_dropped: Count = Field(
        default=0, description="timelineDropped counts older entries that were dropped."
    )
