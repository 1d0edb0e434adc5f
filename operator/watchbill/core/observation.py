"""Everything that one decision may know."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from watchbill.api.connection import AllowedNamespaces
from watchbill.api.escalation_policy import EscalationPolicy
from watchbill.api.incident import Incident
from watchbill.api.incident_class import IncidentClass
from watchbill.api.incident_status import PublicPhase
from watchbill.core.effects import ConnectionKey
from watchbill.core.mitigation import NOTHING, Mitigation


@dataclass(frozen=True, slots=True)
class ConnectionFacts:
    """What a decision knows of a Connection; capabilities come from its provider."""

    uid: str
    allowed_namespaces: AllowedNamespaces | None = None
    allowed_classes: tuple[str, ...] = ()
    unkeyed: bool = False
    """The vendor knows no idempotency key: a send is claimed before it is made."""
    real: bool = True
    """A page through it reaches a person."""
    pages: bool = True
    """It can carry a page at all."""
    channels: bool = False
    """It can make a channel."""
    acknowledges: bool = True
    resolves: bool = True
    ready_since: datetime | None = None
    """Since when it is Ready; None where it is not, or nobody has looked."""


ChannelPlace = tuple[ConnectionKey, str]
"""A Connection that makes channels, and the name of one."""


@dataclass(frozen=True, slots=True)
class UpdateFacts:
    """One posted IncidentUpdate."""

    time: datetime
    name: str
    by: str
    public_phase: PublicPhase | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """The incident and everything around it that matters, as last seen."""

    incident: Incident
    incident_class: IncidentClass | None = None
    policies: Mapping[str, EscalationPolicy] = field(default_factory=dict)
    """The policies of the incident's namespace, by name."""
    default_policy: EscalationPolicy | None = None
    """The class's defaultEscalation, where it exists and grants its use to the class."""
    connections: Mapping[ConnectionKey, ConnectionFacts] = field(default_factory=dict)
    updates: tuple[UpdateFacts, ...] = ()
    """The incident's updates, oldest first."""
    mitigation: Mitigation = NOTHING
    """The runbooks that may be for it, and the runs that were made for it."""
    in_flight: frozenset[tuple[str, str]] = frozenset()
    """(key, action) of the effects that this process is performing now."""
    foreign_claims: Mapping[str, datetime] = field(default_factory=dict)
    """When this process first saw each claim that another process holds, by key."""
    channel_claims: Mapping[ChannelPlace, frozenset[str]] = field(default_factory=dict)
    """The UIDs of the incidents whose channel has or claims a name, this one's included."""
    blind_since: datetime | None = None
    """Since when the API server cannot be reached."""
    holder: str = ""
    """The identity under which this process claims; a process that is started anew must have another."""
    last_resort: ConnectionKey | None = None
    """The operator's own connection of last resort."""
