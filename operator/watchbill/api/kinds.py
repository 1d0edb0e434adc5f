"""The one table of kinds: a kind is served, described and printed as its row here says."""

from dataclasses import dataclass
from typing import Literal

from pydantic.config import JsonDict

from watchbill.api.connection import Connection
from watchbill.api.escalation_policy import EscalationPolicy
from watchbill.api.incident import Incident
from watchbill.api.incident_class import IncidentClass
from watchbill.api.incident_update import IncidentUpdate
from watchbill.api.runbook import Runbook
from watchbill.api.runbook_run import ENDED_RULE, RunbookRun

Model = type[Incident | EscalationPolicy | IncidentClass | Connection | IncidentUpdate | Runbook | RunbookRun]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of `kubectl get`; a wide one shows with `-o wide` alone."""

    name: str
    path: str
    type: Literal["string", "integer", "boolean", "date"] = "string"
    """A moment that can lie in the future is a string: a date column prints it as <invalid>."""
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """How a model is served."""

    model: Model
    plural: str
    description: str
    columns: tuple[Column, ...]
    short_names: tuple[str, ...] = ()
    selectable: tuple[str, ...] = ()
    """The fields that `kubectl get --field-selector` takes."""
    scope: Literal["Namespaced", "Cluster"] = "Namespaced"
    long_names: bool = False
    """Whether names of over 63 characters are taken; references to the kind must then fit them."""
    rules: tuple[JsonDict, ...] = ()
    """The CEL rules over the whole object, its status included."""

    @property
    def name(self) -> str:
        """The kind, as manifests spell it."""
        return self.model.kind_name

    @property
    def singular(self) -> str:
        """The name of one, as `kubectl get` takes it."""
        return self.name.lower()


def condition(type_: str, field: str = "status") -> str:
    """The JSONPath of a field of the condition of this type."""
    return f'.status.conditions[?(@.type=="{type_}")].{field}'


READY = (
    Column("Ready", condition("Ready")),
    Column("Reason", condition("Ready", "reason"), wide=True),
    Column("Message", condition("Ready", "message"), wide=True),
)
SUSPENDED = Column("Suspended", ".spec.suspend", "boolean", wide=True)
AGE = Column("Age", ".metadata.creationTimestamp", "date")

INCIDENT_COLUMNS = (
    Column("Severity", ".spec.severity"),
    Column("Phase", ".status.phase"),
    Column("Commander", ".status.commander"),
    Column("Next", ".status.escalation.nextTime"),
    AGE,
    Column("Acknowledged", condition("Acknowledged"), wide=True),
    Column("Policy", ".status.policy.name", wide=True),
    Column("Level", ".status.escalation.level", wide=True),
    Column("Epoch", ".status.escalation.epoch", "integer", wide=True),
    Column("Title", ".spec.title", wide=True),
    Column("Channel", ".status.resources.channel.url", wide=True),
)

KINDS = (
    Kind(
        Incident,
        "incidents",
        "Incident is one incident: what people declare and want of it in spec, and what is true of it in "
        "status. Declare it with `kubectl create`; whoever is on call is paged until somebody acknowledges.",
        INCIDENT_COLUMNS,
        short_names=("inc",),
        selectable=(
            ".spec.severity",
            ".spec.mode",
            ".spec.classRef.name",
            ".status.phase",
            ".status.commander",
        ),
        long_names=True,
    ),
    Kind(
        EscalationPolicy,
        "escalationpolicies",
        "EscalationPolicy says who is paged, in which order and after which delays, and where it ends when "
        "nobody answers. An incident keeps the policy that it was triggered with.",
        (*READY, SUSPENDED, AGE),
        short_names=("escpol",),
    ),
    Kind(
        IncidentClass,
        "incidentclasses",
        "IncidentClass is a platform's severity matrix: what each severity calls for. One with the "
        'annotation watchbill.dev/is-default-class: "true" serves incidents that name no class.',
        (*READY, AGE),
        short_names=("incclass",),
        scope="Cluster",
    ),
    Kind(
        Connection,
        "connections",
        "Connection is one vendor account, such as a pager, a chat or a webhook, with its credentials by "
        "reference to a Secret of the same namespace. Exactly one vendor is set.",
        (*READY, AGE),
    ),
    Kind(
        IncidentUpdate,
        "incidentupdates",
        "IncidentUpdate is one posted update of an incident. It never changes: what is to be said next is "
        "another object.",
        (
            Column("Incident", ".spec.incidentRef.name"),
            Column("By", ".spec.by"),
            Column("Public", ".spec.publicPhase"),
            *READY,
            AGE,
        ),
        short_names=("incupd",),
        selectable=(".spec.incidentRef.name", ".spec.by", ".spec.publicPhase"),
    ),
    Kind(
        Runbook,
        "runbooks",
        "Runbook is a reviewed way to mitigate: typed parameters, ordered steps, the ServiceAccount that "
        "they act as, and limits. It is a template; a RunbookRun runs it.",
        (
            Column("Account", ".spec.serviceAccountName"),
            Column("Start", ".spec.start"),
            *READY,
            SUSPENDED,
            AGE,
            Column("Title", ".spec.title", wide=True),
        ),
        short_names=("rbk",),
    ),
    Kind(
        RunbookRun,
        "runbookruns",
        "RunbookRun is one execution of a Runbook, pinned to its content: the plan that was shown, who "
        "approved it, and what became of each step. Once it has ended, nothing of it changes.",
        (
            Column("Runbook", ".spec.runbookRef.name"),
            Column("Phase", ".status.phase"),
            Column("Steps", ".status.progress"),
            Column("By", ".spec.requestedBy"),
            Column("Blocked", ".status.blockedReason"),
            AGE,
            Column("Incident", ".spec.incidentRef.name", wide=True),
            Column("Plan", ".status.plan.hash", wide=True),
            Column("Message", ".status.blockedMessage", wide=True),
        ),
        short_names=("rbrun",),
        selectable=(".spec.runbookRef.name", ".spec.incidentRef.name", ".status.phase"),
        rules=(ENDED_RULE,),
    ),
)
"""Every kind, in the order in which manifests and the reference list them."""
