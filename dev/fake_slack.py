"""The part of Slack that an incident's channel meets: the Web API's methods, with the vendor's errors.

It is a workspace with one bot in it, ours. As at the vendor, a name stays taken when its channel is
archived, and people have channels in which the bot is not. https://docs.slack.dev/reference/methods
"""

import time
from collections.abc import Callable, Collection
from decimal import Decimal
from typing import Any

from dev.fake_slack_shapes import (
    ANA,
    BOT,
    BOT_ID,
    TEAM,
    WORKSPACE,
    Answer,
    Arguments,
    Channel,
    Refused,
    arguments_of,
    bookmark,
    is_true,
    moment,
    name_complaint,
    page_of,
    without_payload,
)
from dev.receiver_http import Received

SAYING_LIMIT = 250
"""Characters of a topic or a purpose."""
LONGEST_PAGE = 999


class FakeSlack:
    """Channels and what was said in them; `tokens` are those that are valid, all where it is None."""

    def __init__(self, tokens: Collection[str] | None = None, clock: Callable[[], float] = time.time) -> None:
        self.tokens = tokens
        self.channels: list[Channel] = []
        self.longest_page = LONGEST_PAGE
        """However many are asked for, Slack may return fewer at once."""
        self._clock = clock
        self._messages = 0
        self._methods: dict[str, Callable[[Arguments], Answer]] = {
            "auth.test": self._test,
            "conversations.create": self._create,
            "conversations.archive": self._archive,
            "conversations.setTopic": lambda given: self._set(given, "topic"),
            "conversations.setPurpose": lambda given: self._set(given, "purpose"),
            "conversations.history": self._history,
            "chat.postMessage": self._post,
            "users.conversations": self._mine,
            "bookmarks.add": self._add_bookmark,
            "bookmarks.list": lambda given: {"bookmarks": self._joined(given, "channel_id").bookmarks},
        }

    def channel(self, name: str) -> Channel | None:
        """The channel of this name, archived or not."""
        return next((channel for channel in self.channels if channel.name == name), None)

    def add(self, name: str, members: Collection[str] = (ANA,), **values: Any) -> Channel:
        """A channel that is there already; without the bot unless it is among the members."""
        facts: dict[str, Any] = {"creator": next(iter(members), ANA), "created": int(self._clock())}
        added = Channel(f"C{len(self.channels) + 1:08}", name, members=set(members), **facts | values)
        self.channels.append(added)
        self._say(added, f"<@{added.creator}> has joined the channel", subtype="channel_join")
        return added

    def answer(self, request: Received) -> Answer:
        """The answer to one call, which then has taken effect; it goes out under HTTP 200."""
        method = request.path.partition("?")[0].rpartition("/api/")[2]
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        try:
            if kind != "Bearer" or not token:
                raise Refused("not_authed")
            if self.tokens is not None and token not in self.tokens:
                raise Refused("invalid_auth")
            if method not in self._methods:
                raise Refused("unknown_method")
            return {"ok": True, **self._methods[method](arguments_of(request))}
        except Refused as refused:
            return {"ok": False, "error": str(refused)}

    def _test(self, _: Arguments) -> Answer:
        who = {"url": WORKSPACE, "team": "Example", "team_id": TEAM, "user": "watchbill", "user_id": BOT}
        return {**who, "bot_id": BOT_ID, "is_enterprise_install": False}

    def _create(self, given: Arguments) -> Answer:
        name = str(given.get("name", ""))
        if complaint := name_complaint(name):
            raise Refused(complaint)
        if self.channel(name) is not None:
            raise Refused("name_taken")
        made = self.add(name, (BOT,), is_private=is_true(given.get("is_private")))
        return {"channel": {**made.shown, "is_member": True, "last_read": "0000000000.000000"}}

    def _archive(self, given: Arguments) -> Answer:
        channel = self._found(given, "channel")
        if channel.is_archived:
            raise Refused("already_archived")
        self._say(channel, f"<@{BOT}> archived the channel", subtype="channel_archive")
        channel.is_archived = True
        return {}

    def _set(self, given: Arguments, what: str) -> Answer:
        channel, text = self._open(given), str(given.get(what, ""))
        if len(text) > SAYING_LIMIT:
            raise Refused("too_long")
        setattr(channel, what, {"value": text, "creator": BOT, "last_set": int(self._clock())})
        self._say(channel, f"<@{BOT}> set the channel {what}: {text}", subtype=f"channel_{what}")
        return {"channel": {**channel.shown, "is_member": True}}

    def _post(self, given: Arguments) -> Answer:
        channel = self._open(given)
        if not (given.get("text") or given.get("blocks")):
            raise Refused("no_text")
        metadata = given.get("metadata", {"event_type": "none", "event_payload": {}})
        if not isinstance(metadata, dict) or {"event_type", "event_payload"} - metadata.keys():
            raise Refused("invalid_metadata_format")
        more = {name: given[name] for name in ("blocks", "metadata") if name in given}
        message = self._say(channel, str(given.get("text", "")), bot_id=BOT_ID, team=TEAM, **more)
        return {"channel": channel.id, "ts": message["ts"], "message": message}

    def _history(self, given: Arguments) -> Answer:
        channel, oldest = self._joined(given, "channel"), moment(given, "oldest")
        newest_first = [each for each in reversed(channel.messages) if Decimal(each["ts"]) > oldest]
        page, cursor = page_of(newest_first, given, self.longest_page)
        if not is_true(given.get("include_all_metadata")):
            page = [without_payload(message) for message in page]
        more = {"response_metadata": {"next_cursor": cursor}} if cursor else {}
        return {"messages": page, "has_more": bool(cursor), "pin_count": 0, **more}

    def _mine(self, given: Arguments) -> Answer:
        kinds = str(given.get("types", "public_channel")).split(",")
        mine = [
            channel.shown
            for channel in self.channels
            if BOT in channel.members
            and ("private_channel" if channel.is_private else "public_channel") in kinds
            and not (channel.is_archived and is_true(given.get("exclude_archived")))
        ]
        page, cursor = page_of(mine, given, self.longest_page)
        return {"channels": page, "response_metadata": {"next_cursor": cursor}}

    def _add_bookmark(self, given: Arguments) -> Answer:
        channel = self._joined(given, "channel_id")
        channel.bookmarks.append(bookmark(given, len(channel.bookmarks) + 1, int(self._clock())))
        return {"bookmark": channel.bookmarks[-1]}

    def _found(self, given: Arguments, argument: str) -> Channel:
        found = next((each for each in self.channels if each.id == given.get(argument)), None)
        if found is None or (found.is_private and BOT not in found.members):
            raise Refused("channel_not_found")
        return found

    def _joined(self, given: Arguments, argument: str) -> Channel:
        channel = self._found(given, argument)
        if BOT not in channel.members:
            raise Refused("not_in_channel")
        return channel

    def _open(self, given: Arguments) -> Channel:
        channel = self._joined(given, "channel")
        if channel.is_archived:
            raise Refused("is_archived")
        return channel

    def _say(self, channel: Channel, text: str, **more: Any) -> dict[str, Any]:
        self._messages += 1
        moment_of_message = f"{int(self._clock()):010}.{self._messages:06}"
        message = {"type": "message", "user": BOT, "text": text, "ts": moment_of_message, **more}
        channel.messages.append(message)
        return message
