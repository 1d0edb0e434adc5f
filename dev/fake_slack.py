"""The part of Slack that an incident's channel meets: one workspace, one bot, and the vendor's own errors.

https://docs.slack.dev/reference/methods: names are unique, also those of archived channels; a message keeps
its metadata; lists come in pages.
"""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

BOT = "U0B0T0000"
NAME = re.compile(r"[a-z0-9_-]{1,80}")
LONGEST_NAME = 80
LONGEST_TEXT = 250
"""Of a topic or a purpose, in characters."""

Body = dict[str, Any]
Arguments = Mapping[str, Any]


@dataclass
class Channel:
    """One channel as its members see it."""

    id: str
    name: str
    creator: str = BOT
    created: int = field(default_factory=lambda: int(time.time()))
    topic: str = ""
    purpose: str = ""
    is_archived: bool = False
    is_member: bool = True
    """Whether the bot is in it."""
    messages: list[Body] = field(default_factory=list)
    """The newest last."""
    bookmarks: list[Body] = field(default_factory=list)

    @property
    def texts(self) -> list[str]:
        """What was said, the oldest first."""
        return [str(message["text"]) for message in self.messages]

    @property
    def described(self) -> Body:
        """The channel as the vendor tells of it."""
        texts = {
            name: {"value": value, "creator": self.creator if value else "", "last_set": 0}
            for name, value in (("topic", self.topic), ("purpose", self.purpose))
        }
        flags = {
            "is_channel": True,
            "is_group": False,
            "is_im": False,
            "is_mpim": False,
            "is_private": False,
            "is_general": False,
            "is_shared": False,
            "is_ext_shared": False,
            "is_org_shared": False,
            "is_archived": self.is_archived,
            "is_member": self.is_member,
        }
        facts = {"id": self.id, "name": self.name, "created": self.created, "creator": self.creator}
        more = {"name_normalized": self.name, "unlinked": 0, "pending_shared": [], "previous_names": []}
        return facts | flags | more | texts


class Refused(Exception):
    """An answer that is not ok; it says why in Slack's word."""


class FakeSlack:
    """Channels by their ids; `tokens` are those that exist, all where it is None."""

    def __init__(self, tokens: frozenset[str] | None = None) -> None:
        self.tokens = tokens
        self.channels: dict[str, Channel] = {}
        self.page = 100
        """How many entries a page of a list has at most."""
        self._methods: Mapping[str, Callable[[Arguments], Body]] = {
            "auth.test": self._who,
            "bookmarks.add": self._bookmark,
            "bookmarks.list": lambda asked: {"bookmarks": self._channel(asked, "channel_id").bookmarks},
            "chat.postMessage": self._post,
            "conversations.archive": self._archive,
            "conversations.create": self._create,
            "conversations.history": self._history,
            "conversations.setPurpose": lambda asked: self._describe(asked, "purpose"),
            "conversations.setTopic": lambda asked: self._describe(asked, "topic"),
            "users.conversations": self._list,
        }

    def call(self, method: str, arguments: Arguments, token: str) -> Body:
        """The answer to one call, which then has taken effect."""
        try:
            if not token:
                raise Refused("not_authed")
            if self.tokens is not None and token not in self.tokens:
                raise Refused("invalid_auth")
            if method not in self._methods:
                raise Refused("unknown_method")
            return {"ok": True} | self._methods[method](arguments)
        except Refused as refusal:
            return {"ok": False, "error": str(refusal)}

    def named(self, name: str) -> Channel | None:
        """The channel of this name, archived or not."""
        return next((channel for channel in self.channels.values() if channel.name == name), None)

    def add(self, name: str, **facts: Any) -> Channel:
        """A channel that somebody made before."""
        channel = Channel(f"C{len(self.channels) + 1:08}", name, **facts)
        self.channels[channel.id] = channel
        return channel

    def _who(self, asked: Arguments) -> Body:
        team = {"url": "https://example.slack.com/", "team": "Example", "team_id": "T00000001"}
        return team | {
            "user": "watchbill",
            "user_id": BOT,
            "bot_id": "B00000001",
            "is_enterprise_install": False,
        }

    def _create(self, asked: Arguments) -> Body:
        name = str(asked.get("name", ""))
        if not name:
            raise Refused("invalid_name_required")
        if not NAME.fullmatch(name):
            raise Refused("invalid_name_maxlength" if len(name) > LONGEST_NAME else "invalid_name_specials")
        if self.named(name) is not None:
            raise Refused("name_taken")
        return {"channel": self.add(name).described}

    def _describe(self, asked: Arguments, what: str) -> Body:
        channel, text = self._open(asked), str(asked.get(what, ""))
        if len(text) > LONGEST_TEXT:
            raise Refused("too_long")
        setattr(channel, what, text)
        return {"channel": channel.described, what: text}

    def _post(self, asked: Arguments) -> Body:
        channel = self._open(asked)
        if not asked.get("text"):
            raise Refused("no_text")
        stamp = f"{time.time():.6f}"
        message = {"type": "message", "text": asked["text"], "user": BOT, "bot_id": "B00000001", "ts": stamp}
        channel.messages.append(message | {"team": "T00000001", "metadata": asked.get("metadata", {})})
        return {"channel": channel.id, "ts": stamp, "message": message}

    def _history(self, asked: Arguments) -> Body:
        since, channel = float(asked.get("oldest", 0)), self._channel(asked)
        if not channel.is_member:
            raise Refused("not_in_channel")
        bare = asked.get("include_all_metadata") not in ("true", True)
        found = [
            {key: value for key, value in message.items() if not (bare and key == "metadata")}
            for message in reversed(channel.messages)
            if float(message["ts"]) > since
        ]
        page, rest = self._paged(found, asked)
        return {"messages": page, "has_more": bool(rest["next_cursor"]), "response_metadata": rest}

    def _list(self, asked: Arguments) -> Body:
        hides = asked.get("exclude_archived") in ("true", True)
        found = [
            channel.described
            for channel in self.channels.values()
            if channel.is_member and not (hides and channel.is_archived)
        ]
        page, rest = self._paged(found, asked)
        return {"channels": page, "response_metadata": rest}

    def _archive(self, asked: Arguments) -> Body:
        channel = self._channel(asked)
        if channel.is_archived:
            raise Refused("already_archived")
        channel.is_archived = True
        return {}

    def _bookmark(self, asked: Arguments) -> Body:
        channel = self._channel(asked, "channel_id")
        kept = {name: asked.get(name, "") for name in ("channel_id", "title", "link", "type")}
        channel.bookmarks.append({"id": f"Bk{len(channel.bookmarks) + 1:08}", "emoji": "", **kept})
        return {"bookmark": channel.bookmarks[-1]}

    def _channel(self, asked: Arguments, name: str = "channel") -> Channel:
        found = self.channels.get(str(asked.get(name, "")))
        if found is None:
            raise Refused("channel_not_found")
        return found

    def _open(self, asked: Arguments) -> Channel:
        channel = self._channel(asked)
        if channel.is_archived:
            raise Refused("is_archived")
        if not channel.is_member:
            raise Refused("not_in_channel")
        return channel

    def _paged(self, found: list[Body], asked: Arguments) -> tuple[list[Body], Body]:
        start = int(asked.get("cursor") or 0)
        end = start + min(self.page, int(asked.get("limit") or 100))
        return found[start:end], {"next_cursor": str(end) if end < len(found) else ""}
