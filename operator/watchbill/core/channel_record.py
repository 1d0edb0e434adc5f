"""Folds what the chat answered into the record of the incident's channel."""

from datetime import datetime, timedelta
from typing import Any

from watchbill.api.incident_status import IncidentStatus
from watchbill.api.resources import EXTERNAL_ID_LENGTH, MESSAGE_LENGTH, URL_LENGTH, Channel
from watchbill.core.backoff import CHANNEL_LONGEST, backoff
from watchbill.core.digest import digest
from watchbill.core.effects import (
    ArchiveChannel,
    ChannelEffect,
    CreateChannel,
    DescribeChannel,
    PostToChannel,
)
from watchbill.core.outcomes import Outcome, Result
from watchbill.core.texts import cut, neutral
from watchbill.core.timeline import appended

REFUSED_FOR = timedelta(seconds=60)
"""The shortest wait after a refusal that only people can change."""

STEPS = {
    CreateChannel: "Create",
    PostToChannel: "Post",
    DescribeChannel: "Describe",
    ArchiveChannel: "Archive",
}

WELL: dict[str, Any] = {
    "reason": "",
    "message": "",
    "failing": "",
    "attempts": 0,
    "next_attempt_time": None,
}
"""What is said of a channel while nothing goes wrong."""

UNCLAIMED: dict[str, Any] = {"claim": None, "since_time": None, "uncertain": False}
"""What is said of a channel while nothing is under way."""


def folded(status: IncidentStatus, effect: ChannelEffect, outcome: Outcome, now: datetime) -> IncidentStatus:
    """The status with the outcome folded in; a channel that it has forgotten comes along with the effect."""
    channel = status.resources.channel or effect.channel
    if isinstance(effect, CreateChannel) and channel.state == "Ready" and outcome.result != Result.OK:
        return status  # It was made all the same, by another attempt.
    # Another claim than the one that this was done under is about something else, and stays. What needs no
    # claim says nothing of what was claimed before, whose answer may be lost.
    is_own = effect.channel.claim is not None and channel.claim == effect.channel.claim
    freed = UNCLAIMED if is_own else {}
    if outcome.result == Result.OK:
        changes = WELL | freed | _done(channel, effect, outcome)
    elif outcome.result == Result.CONFLICT and not isinstance(effect, CreateChannel):
        # The room is gone: another would be a second one, and what was said there stands in the timeline.
        text = cut(neutral(outcome.message), MESSAGE_LENGTH)
        lost = {"state": "Failed", "archived": True, "reason": cut(outcome.reason, 32), "message": text}
        changes = WELL | UNCLAIMED | lost
    else:
        unsure = {"claim": None, "uncertain": channel.uncertain or outcome.result == Result.UNKNOWN}
        changes = _failed(channel, effect, outcome) | (unsure if is_own else {})
    changed = channel.model_copy(update=changes)
    status = with_channel(status, changed)
    if isinstance(effect, CreateChannel) and channel.state != "Ready" and changed.state == "Ready":
        text = f"channel {changed.name} is ready" + (f": {changed.url}" if changed.url else "")
        status = appended(status, "ChannelReady", text, now, "watchbill", "channel")
    return status


def with_channel(status: IncidentStatus, channel: Channel | None) -> IncidentStatus:
    """The status with this channel."""
    resources = status.resources.model_copy(update={"channel": channel})
    return status.model_copy(update={"resources": resources})


def description(effect: DescribeChannel) -> str:
    """A digest of the topic and the bookmarks: while it stays the same there is nothing to set."""
    return digest([effect.topic, effect.bookmarks])


def can_wait(old: IncidentStatus, new: IncidentStatus) -> bool:
    """Whether all that is new is a success which the next write can tell as well.

    A post that was made and not recorded is found again by its marker, and a topic set twice is the same.
    """
    before, after = old.resources.channel, new.resources.channel
    if before is None or after is None or after.claim not in (None, before.claim):
        return False
    changes = {
        "posted": after.posted,
        "described": after.described,
        "claim": after.claim,
        "since_time": after.since_time,
    }
    return with_channel(old, before.model_copy(update=changes)) == new


def _done(channel: Channel, effect: ChannelEffect, outcome: Outcome) -> dict[str, Any]:
    match effect:
        case CreateChannel():
            return {
                "state": "Ready",
                "external_id": cut(outcome.external_id, EXTERNAL_ID_LENGTH),
                "name": outcome.name or channel.name,
                "url": outcome.url if len(outcome.url) <= URL_LENGTH else "",
            }
        case PostToChannel():
            return {"posted": max(channel.posted, effect.channel.posting)}
        case DescribeChannel():
            return {"described": description(effect)}
        case ArchiveChannel():
            return {"archived": True}


def _failed(channel: Channel, effect: ChannelEffect, outcome: Outcome) -> dict[str, Any]:
    step = STEPS[type(effect)]
    attempts = channel.attempts + 1 if channel.failing == step else 1
    wait = backoff(attempts, outcome.after, CHANNEL_LONGEST)
    passing = outcome.result in (Result.RETRY, Result.UNKNOWN)
    changes: dict[str, Any] = {
        "failing": step,
        "attempts": attempts,
        "next_attempt_time": outcome.time + (wait if passing else max(wait, REFUSED_FOR)),
        "reason": cut(outcome.reason, 32),
        "message": cut(neutral(outcome.message), MESSAGE_LENGTH),
    }
    if isinstance(effect, CreateChannel):
        known = cut(outcome.external_id, EXTERNAL_ID_LENGTH) or channel.external_id
        changes |= {"state": "Pending" if passing else "Failed", "external_id": known}
        changes |= {"name": outcome.name or channel.name}
    return changes
