"""Everything that the operator can do to the outside, as data. Performed by the shell, decided here."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from watchbill.api.incident_status import Hop, Page
from watchbill.api.resources import Channel


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
    is_test: bool = False
    """There is no incident: the operator tests whether pages get through the connection that this names."""
    is_run: bool = False
    """There is no incident to take: somebody is to look at the RunbookRun that this names."""


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
    referrer: str = ""
    """The namespace of the policy that names the connection, whose grant it needs; empty where an
    administrator names it, or an object of the connection's own namespace does."""
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


@dataclass(frozen=True, slots=True)
class CreateChannel:
    """Make the incident's channel, or find the one that was made and could not be recorded."""

    incident: IncidentFacts
    channel: Channel
    other_name: str
    """The name to take where another owns `channel.name`."""
    may_adopt: tuple[str, ...] = ()
    """Under which names an unmarked channel may be the one that was made: no other incident claims them."""
    action: Literal["create"] = "create"


@dataclass(frozen=True, slots=True)
class PostToChannel:
    """Say in the channel what has happened."""

    incident: IncidentFacts
    channel: Channel
    text: str
    action: Literal["post"] = "post"


@dataclass(frozen=True, slots=True)
class DescribeChannel:
    """Set the channel's topic, and add the bookmarks that it lacks: (title, URL)."""

    incident: IncidentFacts
    channel: Channel
    topic: str
    bookmarks: tuple[tuple[str, str], ...] = ()
    action: Literal["describe"] = "describe"


@dataclass(frozen=True, slots=True)
class ArchiveChannel:
    """Close the channel to new messages; what was said stays."""

    incident: IncidentFacts
    channel: Channel
    action: Literal["archive"] = "archive"


PageEffect = SendPage | AcknowledgePage | ResolvePage
ChannelEffect = CreateChannel | PostToChannel | DescribeChannel | ArchiveChannel
Effect = PageEffect | ChannelEffect
"""The operator's complete list of powers over the outside."""


def hop_of(effect: PageEffect) -> Hop:
    """The hop of the ledger that the effect goes through."""
    return effect.page.hops[effect.hop]


def channel_key(uid: str) -> str:
    """The key of all that is done to the channel of the incident with this UID, one thing at a time."""
    return f"{uid}/channel"


def key_of(effect: Effect) -> str:
    """The key of the effect; with its action it is unique. It begins with the incident's UID."""
    return channel_key(effect.incident.uid) if isinstance(effect, ChannelEffect) else hop_of(effect).key


def connection_of(effect: Effect) -> ConnectionKey:
    """The Connection that the effect goes through."""
    if isinstance(effect, ChannelEffect):
        return ConnectionKey(effect.channel.namespace, effect.channel.connection)
    hop = hop_of(effect)
    return ConnectionKey(hop.namespace, hop.connection)


def due_of(effect: Effect, now: datetime) -> datetime:
    """Since when the effect is due; `now` where that makes no difference."""
    return now if isinstance(effect, ChannelEffect) else effect.page.due_time


def follows_its_record(effect: Effect) -> bool:
    """Whether the effect may only be performed once what was decided with it is written.

    So it is with a page that has no key, which is claimed; and with all that concerns a channel, so that a
    chat never makes a record wait.
    """
    return isinstance(effect, ChannelEffect) or (isinstance(effect, SendPage) and hop_of(effect).unkeyed)
