"""Incident: what people declare and want. What is true of it is in `incident_status`."""

from typing import Annotated, ClassVar, Literal

from pydantic import AwareDatetime, ConfigDict, Field

from watchbill.api.incident_runbooks import MAX_DEBT
from watchbill.api.incident_status import IncidentStatus
from watchbill.api.model import DnsLabel, KindName, ObjectMeta, ObjectName, SeverityName, SpecModel, UserName
from watchbill.api.schema import ATOMIC, SET, rule, rules

State = Literal["Open", "Mitigated", "Resolved", "Cancelled"]
Mode = Literal["Live", "Drill", "Backfill"]
Text63 = Annotated[str, Field(min_length=1, max_length=63)]
Text253 = Annotated[str, Field(min_length=1, max_length=253)]
DebtId = Annotated[
    str,
    Field(max_length=127, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[a-z0-9]([-a-z0-9]*[a-z0-9])?$"),
]


# A pattern would be read by three engines, which differ about what a white space is.
READABLE = rules(
    rule(
        r"self.matches(r'[\p{L}\p{M}\p{N}\p{P}\p{S}]')",
        "`title` must say what is wrong: nothing in it can be read",
    )
)

MOMENT_PATTERN = r"^[1-9][0-9]{3}-.+([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
"""What RFC 3339 allows and the API server does not check: no year 0, no offset of a day or more."""


class ClassRef(SpecModel):
    """The name of an IncidentClass."""

    name: KindName = Field(description="name is the name of an IncidentClass.")


class Affected(SpecModel):
    """One thing that the incident harms: a service, or a Kubernetes object."""

    service: Text253 | None = Field(
        default=None, description="service is the name of a service that is harmed."
    )
    environment: Text63 | None = Field(
        default=None, description="environment is where the service runs, such as production."
    )
    region: Text63 | None = Field(
        default=None, description="region is the part of the world where the service is harmed."
    )
    api_version: Annotated[str, Field(min_length=1, max_length=128)] | None = Field(
        default=None, description="apiVersion is the API version of a Kubernetes object."
    )
    kind: Text63 | None = Field(default=None, description="kind is the kind of a Kubernetes object.")
    namespace: DnsLabel | None = Field(
        default=None, description="namespace is the namespace of a Kubernetes object."
    )
    name: ObjectName | None = Field(default=None, description="name is the name of a Kubernetes object.")


class Acknowledgement(SpecModel):
    """What one person says when they take the incident."""

    note: Annotated[str, Field(max_length=256)] | None = Field(
        default=None, description="note is what the person wants others to know."
    )
    page: Annotated[str, Field(min_length=1, max_length=32)] | None = Field(
        default=None,
        description="page is the id of one page of status.pages; absent means the incident.",
    )


class EscalationRequest(SpecModel):
    """A person's wish that the next level is paged now."""

    reason: Annotated[str, Field(min_length=1, max_length=512)] = Field(
        description="reason says why; a request counts once, so say something new to ask again."
    )
    to_level: DnsLabel | None = Field(
        default=None, description="toLevel is the level to open; absent means the next one."
    )


class EscalationWish(SpecModel):
    """What people want of the running escalation."""

    request: EscalationRequest | None = Field(
        default=None, description="request asks for a level to be opened now."
    )
    snooze_until_time: AwareDatetime | None = Field(
        default=None,
        description="snoozeUntilTime is until when no level opens; then paging resumes.",
        json_schema_extra={"pattern": MOMENT_PATTERN},
    )
    adopt_policy: bool | None = Field(
        default=None,
        description="adoptPolicy set to true takes the policy as it now is in place of the frozen one.",
    )


class Roles(SpecModel):
    """Who holds which role; what is absent is filled by the class's rule."""

    commander: UserName | None = Field(
        default=None, description="commander is the user name of the incident commander."
    )


class SetBy(SpecModel):
    """Who last changed each field; the API server checks that it is the caller."""

    declaration: UserName | None = Field(
        default=None, description="declaration is the user name of who declared the incident."
    )
    severity: UserName | None = Field(
        default=None, description="severity is the user name of who last changed `severity`."
    )
    state: UserName | None = Field(
        default=None,
        description="state is the user name of who last changed `state` or `stateReason`.",
    )
    escalation: UserName | None = Field(
        default=None, description="escalation is the user name of who last changed `escalation`."
    )
    roles: UserName | None = Field(
        default=None, description="roles is the user name of who last changed `roles`."
    )


CLASS_STAYS = rule(
    "has(self.classRef) == has(oldSelf.classRef) && "
    "(!has(self.classRef) || self.classRef.name == oldSelf.classRef.name)",
    "`classRef` must not change: declare another incident",
)
CANCELLED_WHY = rule(
    "!has(self.state) || self.state != 'Cancelled' || has(self.stateReason)",
    "`stateReason` must be set when `state` is Cancelled",
    ".stateReason",
)
CANCELLED_WHY_NOW = rule(
    "!has(self.state) || self.state != 'Cancelled' || "
    "(has(oldSelf.state) && oldSelf.state == 'Cancelled') || "
    "!has(oldSelf.stateReason) || !has(self.stateReason) || self.stateReason != oldSelf.stateReason",
    "`stateReason` must be changed when `state` becomes Cancelled: it still says why the state was another",
    ".stateReason",
)


class DebtSettlement(SpecModel):
    """The temporary changes that one person says are taken back, or are to stay."""

    entries: Annotated[tuple[DebtId, ...], Field(min_length=1, max_length=MAX_DEBT)] = Field(
        description="entries are the run and the step of each, such as checkout-x7k2p/shift.",
        json_schema_extra=SET,
    )


class IncidentSpec(SpecModel):
    """What people say and want of an incident."""

    model_config = ConfigDict(json_schema_extra=rules(CLASS_STAYS, CANCELLED_WHY, CANCELLED_WHY_NOW))

    title: Annotated[str, Field(min_length=1, max_length=200)] = Field(
        description="title says in one line what is wrong, as the person who is paged reads it.",
        json_schema_extra=READABLE,
    )
    summary: Annotated[str, Field(max_length=4096)] | None = Field(
        default=None, description="summary says more, in plain text."
    )
    class_ref: ClassRef | None = Field(
        default=None,
        description="classRef names the IncidentClass; absent means the default class.",
    )
    severity: SeverityName = Field(
        description="severity is the name of a row of the class's severity matrix, such as SEV-1."
    )
    mode: Mode = Field(
        default="Live",
        description="mode is Live; Drill, which walks the phases and sends nothing; or Backfill, "
        "which records an incident of the past and pages nobody.",
        json_schema_extra=rules(rule("self == oldSelf", "`mode` must not change: declare another incident")),
    )
    affected: Annotated[tuple[Affected, ...], Field(max_length=32)] = Field(
        default=(),
        description="affected lists what is harmed.",
        json_schema_extra=ATOMIC,
    )
    state: State | None = Field(
        default=None,
        description="state is what a person says of the incident; absent means nobody has spoken.",
    )
    state_reason: Annotated[str, Field(min_length=1, max_length=1024)] | None = Field(
        default=None,
        description="stateReason says why; with `state` it is one act, and counts when either changes.",
    )
    acknowledged_by: Annotated[dict[str, Acknowledgement], Field(max_length=32)] = Field(
        default={},
        description="acknowledgedBy holds an entry for each person who takes the incident, "
        "under their own user name.",
        json_schema_extra=rules(
            rule(
                "self.all(k, size(k) > 0 && size(k) <= 253)",
                "every key of `acknowledgedBy` must be a user name of 1 to 253 characters",
            )
        ),
    )
    debt_settled_by: Annotated[dict[str, DebtSettlement], Field(max_length=4)] = Field(
        default={},
        description="debtSettledBy holds an entry for each person who settled temporary changes of "
        "`status.debt`, under their own user name.",
        json_schema_extra=rules(
            rule(
                "self.all(k, size(k) > 0 && size(k) <= 253)",
                "every key of `debtSettledBy` must be a user name of 1 to 253 characters",
            )
        ),
    )
    escalation: EscalationWish | None = Field(
        default=None, description="escalation is what people want of the running escalation."
    )
    roles: Roles | None = Field(
        default=None, description="roles names who holds a role; absent means the class's rule."
    )
    set_by: SetBy | None = Field(
        default=None, description="setBy names the author of each field that people change."
    )


class Incident(SpecModel):
    """One incident: what people want in `spec`, what is true in `status`."""

    kind_name: ClassVar[str] = "Incident"

    metadata: ObjectMeta = ObjectMeta()
    spec: IncidentSpec
    status: IncidentStatus = IncidentStatus()
