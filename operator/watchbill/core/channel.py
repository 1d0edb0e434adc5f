"""The incident's chat channel: made once, told of each transition, archived at the end.

A channel is a named effect and a post a marked one (DESIGN §4): each is claimed, sent, and recorded. The
steps go one after the other, so that one claim is enough: make it, post, describe it, archive it.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Literal

from watchbill.api.incident_class import ChannelTemplate
from watchbill.api.incident_status import Claim
from watchbill.api.reasons import Reason
from watchbill.api.resources import Channel
from watchbill.core import announce, naming, severity
from watchbill.core.backoff import CLOSING_ATTEMPTS, SEND_DEADLINE
from watchbill.core.channel_record import description, with_channel
from watchbill.core.draft import Draft
from watchbill.core.effects import (
    ArchiveChannel,
    ChannelEffect,
    ConnectionKey,
    CreateChannel,
    DescribeChannel,
    PostToChannel,
    channel_key,
)
from watchbill.core.facts import incident_facts
from watchbill.core.lifecycle import OPEN, TERMINAL
from watchbill.core.references import class_granted

Step = Literal["Create", "Post", "Describe", "Archive"]

LAST_WORDS = 10
"""After how many vain tries to post the channel of an incident that is over is archived all the same."""


def kept(draft: Draft) -> Draft:
    """The draft with its channel a step further: planned, claimed, or with what keeps it from being used."""
    channel = draft.status.resources.channel or _planned(draft)
    if channel is None:
        return draft
    channel = _judged(draft, channel)
    step = _step(draft, channel)
    if step is None and not channel.external_id:
        return draft if draft.status.resources.channel is None else _with(draft, None)
    return _with(draft, _claimed(draft, channel, step) if step in ("Create", "Post") else channel)


def effects(draft: Draft) -> tuple[ChannelEffect, ...]:
    """What to do to the channel now: at most one thing."""
    channel = draft.status.resources.channel
    step = _step(draft, channel) if channel else None
    if channel is None or step is None or draft.observation.blind_since is not None:
        return ()
    if step in ("Create", "Post"):
        ready = channel.claim is not None and channel.claim.by == draft.observation.holder
    else:
        ready = _is_due(draft, channel, step) and _problem(draft, channel) is None
    effect = _effect(draft, channel, step)
    flying = any(key == channel_key(effect.incident.uid) for key, _ in draft.observation.in_flight)
    return (effect,) if ready and not flying else ()


def wakeups(draft: Draft) -> Iterator[datetime]:
    """The moments at which the channel moves on by the passing of time."""
    channel = draft.status.resources.channel
    if channel is None or _step(draft, channel) is None:
        return
    if channel.next_attempt_time is not None:
        yield channel.next_attempt_time
    seen = draft.observation.foreign_claims.get(channel_key(draft.observation.incident.metadata.uid))
    if seen is not None:
        yield seen + SEND_DEADLINE


def _planned(draft: Draft) -> Channel | None:
    """The channel that the severity asks for, or None where there is to be none."""
    template = _template(draft)
    if template is None or draft.phase not in OPEN or draft.spec.mode != "Live":
        return None
    name = naming.channel_name(template.name_template, naming.name_facts(draft.observation.incident))
    ref = template.connection_ref
    return Channel(connection=ref.name, namespace=ref.namespace, name=name, state="Pending")


def _template(draft: Draft) -> ChannelTemplate | None:
    row = severity.row(draft.status.frozen_class, draft.spec.severity)
    return row.response.channel if row is not None and row.response is not None else None


def _step(draft: Draft, channel: Channel) -> Step | None:
    """What is to be done next, or None where nothing is."""
    if channel.archived:
        return None
    if channel.state != "Ready":
        # What may have been made is found, so that it does not stand open for ever.
        wanted = draft.phase in OPEN or channel.uncertain or channel.claim is not None or channel.external_id
        return "Create" if wanted else None
    is_over = draft.phase in TERMINAL
    mute = is_over and channel.failing == "Post" and channel.attempts >= LAST_WORDS
    if (channel.posted < announce.due(draft.status) or channel.posting > channel.posted) and not mute:
        return "Post"
    if is_over:
        given_up = channel.failing == "Archive" and channel.attempts >= CLOSING_ATTEMPTS
        return None if given_up else "Archive"
    return "Describe" if channel.described != description(_described(draft, channel)) else None


def _judged(draft: Draft, channel: Channel) -> Channel:
    """The channel with the reason for which its connection cannot be used, or without it."""
    found = _problem(draft, channel)
    if found is not None:
        reason, text = found
        changes = {"reason": reason.value, "message": text, "failing": "", "attempts": 0}
        return channel.model_copy(update=changes | {"next_attempt_time": None})
    if channel.reason and not channel.failing and not channel.archived:
        return channel.model_copy(update={"reason": "", "message": ""})
    return channel


def _problem(draft: Draft, channel: Channel) -> tuple[Reason, str] | None:
    """Why the connection cannot be used at all, or None where it can."""
    if channel.archived:
        return None
    place = ConnectionKey(channel.namespace, channel.connection)
    facts = draft.observation.connections.get(place)
    name = f"connection {place.namespace}/{place.name}"
    frozen = draft.status.frozen_class
    if facts is None:
        return Reason.REF_NOT_FOUND, f"{name} is not there; create it"
    if not facts.channels:
        return Reason.INVALID_SPEC, f"{name} makes no channels; name one that does in the class"
    if frozen is not None and not class_granted(facts.allowed_classes, frozen.name):
        return Reason.REF_NOT_PERMITTED, f"{name} must list {frozen.name} in its spec.allowedClasses"
    return None


def _claimed(draft: Draft, channel: Channel, step: Step | None) -> Channel:
    """The channel with the step claimed by this process, where nobody else is at it and it is due."""
    if draft.observation.blind_since is not None:
        return channel
    claim, uncertain = channel.claim, channel.uncertain
    if claim is not None and claim.by == draft.observation.holder:
        return channel
    if claim is not None:
        key = channel_key(draft.observation.incident.metadata.uid)
        if draft.now < draft.observation.foreign_claims.get(key, draft.now) + SEND_DEADLINE:
            return channel
        uncertain = True
    elif not _is_due(draft, channel, step) or _problem(draft, channel) is not None:
        return channel
    changes = {
        "claim": Claim(by=draft.observation.holder, time=draft.now),
        "since_time": channel.since_time or draft.now,
        "uncertain": uncertain,
    }
    if step == "Post" and not uncertain:
        changes["posting"] = announce.due(draft.status)
    return channel.model_copy(update=changes)


def _is_due(draft: Draft, channel: Channel, step: Step | None) -> bool:
    """Whether the step need not wait any more; what failed before it does not hold it up."""
    waits = channel.failing == step and channel.next_attempt_time is not None
    return not waits or draft.now >= (channel.next_attempt_time or draft.now)


def _effect(draft: Draft, channel: Channel, step: Step) -> ChannelEffect:
    facts = incident_facts(draft.observation.incident, draft.status)
    match step:
        case "Create":
            other_name = naming.with_suffix(channel.name, facts.uid)
            own = tuple(
                name for name in (channel.name, other_name) if not _claimed_by_others(draft, channel, name)
            )
            return CreateChannel(facts, channel, other_name, may_adopt=own if channel.uncertain else ())
        case "Post":
            return PostToChannel(facts, channel, announce.message(draft, channel.posted, channel.posting))
        case "Describe":
            return _described(draft, channel)
        case "Archive":
            return ArchiveChannel(facts, channel)


def _claimed_by_others(draft: Draft, channel: Channel, name: str) -> bool:
    place = ConnectionKey(channel.namespace, channel.connection), name
    claimed = draft.observation.channel_claims.get(place, frozenset())
    return bool(claimed - {draft.observation.incident.metadata.uid})


def _described(draft: Draft, channel: Channel) -> DescribeChannel:
    template = _template(draft)
    bookmarks = tuple((each.title, each.url) for each in template.bookmarks) if template else ()
    facts = incident_facts(draft.observation.incident, draft.status)
    return DescribeChannel(facts, channel, announce.topic(draft), bookmarks)


def _with(draft: Draft, channel: Channel | None) -> Draft:
    return draft.having(resources=with_channel(draft.status, channel).resources)
