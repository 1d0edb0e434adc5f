"""Channels in Slack, by its Web API: https://docs.slack.dev/reference/methods

A bot makes a public channel, marks it with the incident's UID in its purpose, and posts messages that carry
the UID and a number in their metadata: both can be found again after a call whose answer was lost.
"""

from collections.abc import Generator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from watchbill.core.effects import (
    ArchiveChannel,
    ChannelEffect,
    CreateChannel,
    DescribeChannel,
    PostToChannel,
)
from watchbill.core.outcomes import Result
from watchbill.providers import slack_answers
from watchbill.providers.contract import Rate, Reply, Request, Response, Settings, Talk, Verdict
from watchbill.providers.slack_api import Api

EVENT_TYPE = "watchbill_incident"
"""The type of a message's metadata: https://docs.slack.dev/messaging/message-metadata"""

CLOCKS = timedelta(seconds=5)
"""How far Slack's clock may be from ours when a channel's age is judged; its times are whole seconds."""

MOST_PAGES = 10
"""How many pages of a list are read; of channels that is 2000, of messages 2000 since the claim."""


class SlackProvider:
    """Makes channels in a Slack workspace."""

    name = "slack"
    # Each method has a limit of its own, the tightest 20 calls a minute (tier 2); an incident's first minute
    # spreads six calls over as many methods: https://docs.slack.dev/apis/web-api/rate-limits
    rate = Rate(burst=20, per_second=1)

    def talk(self, effect: ChannelEffect, settings: Settings, now: datetime) -> Talk:
        """The exchange that performs the effect; raises Misconfigured where the token is blank."""
        api = Api(settings)
        match effect:
            case CreateChannel():
                return _create(api, effect, now)
            case PostToChannel():
                return _post(api, effect)
            case DescribeChannel():
                return _describe(api, effect)
            case ArchiveChannel():
                return _archive(api, effect)

    def parse(self, response: Response, now: datetime) -> Verdict:
        """What one answer means; Slack says most of what it has to say in a 200."""
        return slack_answers.verdict(response, now)


def _create(api: Api, effect: CreateChannel, now: datetime) -> Talk:
    """Make the channel, or find it, and mark it."""
    who = yield from api.read("auth.test")
    if not who.well:
        return who.verdict
    made = Verdict(Result.OK, external_id=effect.channel.external_id, name=effect.channel.name)
    if not made.external_id:
        made = yield from _made_or_found(api, effect, who.body, now)
    if made.result is not Result.OK:
        return made
    marked = yield from api.write(
        "conversations.setPurpose", channel=made.external_id, purpose=_purpose(effect)
    )
    if not marked.well:
        return replace(marked.verdict, external_id=made.external_id, name=made.name)
    workspace = str(who.body.get("url", "")).rstrip("/")
    return replace(made, url=f"{workspace}/archives/{made.external_id}" if workspace else "")


def _made_or_found(
    api: Api, effect: CreateChannel, who: Mapping[str, Any], now: datetime
) -> Generator[Request, Reply, Verdict]:
    """The channel under the first name that is free, or that is this incident's own."""
    for name in (effect.channel.name, effect.other_name):
        created = yield from api.write("conversations.create", name=name)
        if created.well:
            channel = slack_answers.part(created.body, "channel")
            return Verdict(Result.OK, external_id=channel["id"], name=channel.get("name", name))
        if created.error != "name_taken":
            return created.verdict
        found, failure = yield from _named(api, name)
        if failure is not None:
            return failure
        if found is not None and _is_own(found, effect, who, now):
            return Verdict(Result.OK, external_id=found["id"], name=name)
    text = f"the names {effect.channel.name} and {effect.other_name} are taken by others"
    return Verdict(Result.PERMANENT, reason="name_taken", message=text)


def _named(api: Api, name: str) -> Generator[Request, Reply, tuple[Mapping[str, Any] | None, Verdict | None]]:
    """The channel of this name among those that the bot is in, as it is in all that it makes."""
    cursor = ""
    for _ in range(MOST_PAGES):
        listed = yield from api.read(
            "users.conversations",
            types="public_channel",
            exclude_archived="false",
            limit=200,
            **({"cursor": cursor} if cursor else {}),
        )
        if not listed.well:
            return None, listed.verdict
        for channel in slack_answers.parts(listed.body, "channels"):
            if channel.get("name") == name:
                return channel, None
        cursor = slack_answers.next_cursor(listed.body)
        if not cursor:
            break
    return None, None


def _is_own(channel: Mapping[str, Any], effect: CreateChannel, who: Mapping[str, Any], now: datetime) -> bool:
    """Whether the channel is this incident's: by its marker, or, without one, by who made it and when.

    An unmarked one is taken only after a try whose outcome is unknown, where nobody else claims its name.
    """
    purpose = str(slack_answers.part(channel, "purpose").get("value", ""))
    if effect.incident.uid in purpose:
        return True
    since, created = effect.channel.since_time, channel.get("created", 0)
    if (
        purpose
        or channel.get("name") not in effect.may_adopt
        or since is None
        or not isinstance(created, int)
    ):
        return False
    in_window = (since - CLOCKS).timestamp() <= created <= (now + CLOCKS).timestamp()
    return in_window and channel.get("creator") == who.get("user_id")


def _post(api: Api, effect: PostToChannel) -> Talk:
    """Post the message, unless it is there already where that is not known."""
    channel, marker = effect.channel, _marker(effect)
    if channel.uncertain:
        said, failure = yield from _is_said(api, effect, marker)
        if said or failure is not None:
            return failure or Verdict(Result.OK)
    posted = yield from api.write(
        "chat.postMessage",
        channel=channel.external_id,
        text=slack_answers.escaped(effect.text),
        metadata={"event_type": EVENT_TYPE, "event_payload": marker},
        unfurl_links=False,
        unfurl_media=False,
    )
    return posted.verdict


def _is_said(
    api: Api, effect: PostToChannel, marker: Mapping[str, Any]
) -> Generator[Request, Reply, tuple[bool, Verdict | None]]:
    """Whether the channel holds the message of this marker, as far as it was posted since the claim."""
    since = effect.channel.since_time
    oldest = f"{(since - CLOCKS).timestamp():.6f}" if since else "0"
    cursor = ""
    for _ in range(MOST_PAGES):
        history = yield from api.read(
            "conversations.history",
            channel=effect.channel.external_id,
            oldest=oldest,
            limit=200,
            include_all_metadata="true",
            **({"cursor": cursor} if cursor else {}),
        )
        if not history.well:
            return False, history.verdict
        for message in slack_answers.parts(history.body, "messages"):
            metadata = slack_answers.part(message, "metadata")
            if metadata.get("event_type") == EVENT_TYPE and metadata.get("event_payload") == marker:
                return True, None
        cursor = slack_answers.next_cursor(history.body)
        if not cursor:
            break
    return False, None


def _describe(api: Api, effect: DescribeChannel) -> Talk:
    """Set the topic, and add the bookmarks that are missing: one is known by its link."""
    channel = effect.channel.external_id
    answer = yield from api.write("conversations.setTopic", channel=channel, topic=effect.topic)
    if not answer.well or not effect.bookmarks:
        return answer.verdict
    answer = yield from api.read("bookmarks.list", channel_id=channel)
    links = {bookmark.get("link") for bookmark in slack_answers.parts(answer.body, "bookmarks")}
    for title, link in effect.bookmarks:
        if answer.well and link not in links:
            answer = yield from api.write(
                "bookmarks.add", channel_id=channel, title=title, type="link", link=link
            )
    return answer.verdict


def _archive(api: Api, effect: ArchiveChannel) -> Talk:
    """Archive the channel; one that is archived or gone is what was asked for."""
    answer = yield from api.write("conversations.archive", channel=effect.channel.external_id)
    done = answer.error in ("already_archived", *slack_answers.GONE)
    return Verdict(Result.OK) if done else answer.verdict


def _purpose(effect: CreateChannel) -> str:
    incident = effect.incident
    return (
        f"Incident {incident.name} in namespace {incident.namespace}, kept by Watchbill; uid {incident.uid}"
    )


def _marker(effect: PostToChannel) -> dict[str, Any]:
    return {"uid": effect.incident.uid, "number": effect.channel.posting}
