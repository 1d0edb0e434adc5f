"""Everything that the operator can do to the outside, as data. Performed by the shell, decided here."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from watchbill.api.incident_status import Hop, Page


class ConnectionKey(NamedTuple):
    """Where a Connection is found."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class IncidentFacts:
    """What a page tells of its incident."""

    uid: str
    namespace: str
    name: str
    title: str
    severity: str
    rank: int
    summary: str = ""
    services: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SendPage:
    """Page one target through one connection; `page.hops[hop]` is the address."""

    incident: IncidentFacts
    page: Page
    hop: int
    repeated: bool = False
    """The page may have been delivered before, and its text must say so."""
    first_of_epoch: bool = False
    """No fresh read is needed before it is sent."""
    unseen_since: str = ""
    """Since when (hh:mm UTC) acknowledgements cannot be seen, where the API server is gone."""
    action: Literal["trigger"] = "trigger"


@dataclass(frozen=True, slots=True)
class AcknowledgePage:
    """Tell the outside that somebody has taken the incident of a page."""

    incident: IncidentFacts
    page: Page
    hop: int
    by: str = ""
    action: Literal["acknowledge"] = "acknowledge"


@dataclass(frozen=True, slots=True)
class ResolvePage:
    """Tell the outside that a page needs no more attention."""

    incident: IncidentFacts
    page: Page
    hop: int
    by: str = ""
    action: Literal["resolve"] = "resolve"


Effect = SendPage | AcknowledgePage | ResolvePage
"""The operator's complete list of powers over the outside."""


def hop_of(effect: Effect) -> Hop:
    """The hop of the ledger that the effect goes through."""
    return effect.page.hops[effect.hop]


def connection_of(effect: Effect) -> ConnectionKey:
    """The Connection that the effect goes through."""
    hop = hop_of(effect)
    return ConnectionKey(hop.namespace, hop.connection)
