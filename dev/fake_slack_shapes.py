"""What Slack's calls are given and what they show: arguments, channels, bookmarks, pages."""

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from dev.receiver_http import Reaction, Received

BOT, BOT_ID, ANA = "U0WATCHBILL", "B0WATCHBILL", "U0ANA"
TEAM, WORKSPACE = "T0EXAMPLE", "https://example.slack.com/"
NAME_LIMIT, PAGE = 80, 100

Arguments = Mapping[str, Any]
Answer = dict[str, Any]


class Refused(Exception):
    """Slack's word for what is wrong."""


def refusal(error: str) -> Reaction:
    """What to script where Slack is to answer with this error."""
    body = json.dumps({"ok": False, "error": error}).encode()
    return Reaction(status=200, headers={"content-type": "application/json"}, body=body)


def _unset() -> dict[str, Any]:
    return {"value": "", "creator": "", "last_set": 0}


@dataclass
class Channel:
    """One channel as its members would see it."""

    id: str
    name: str
    created: int
    """Epoch seconds."""
    creator: str
    members: set[str]
    is_private: bool = False
    is_archived: bool = False
    topic: dict[str, Any] = field(default_factory=_unset)
    purpose: dict[str, Any] = field(default_factory=_unset)
    messages: list[dict[str, Any]] = field(default_factory=list)
    """The oldest first; those by which Slack tells what was done to the channel have a subtype."""
    bookmarks: list[dict[str, Any]] = field(default_factory=list)

    @property
    def said(self) -> list[dict[str, Any]]:
        """What was posted, the oldest first."""
        return [message for message in self.messages if "subtype" not in message]

    @property
    def shown(self) -> Answer:
        """The conversation object."""
        kinds = dict.fromkeys(("is_group", "is_im", "is_mpim", "is_general", "is_pending_ext_shared"), False)
        shares = dict.fromkeys(("is_shared", "is_ext_shared", "is_org_shared"), False)
        names = {"id": self.id, "name": self.name, "name_normalized": self.name, "previous_names": []}
        return {
            **names, **kinds, **shares, "is_channel": True, "is_private": self.is_private,
            "is_archived": self.is_archived, "created": self.created, "creator": self.creator,
            "topic": self.topic, "purpose": self.purpose, "pending_shared": [], "unlinked": 0,
        }  # fmt: skip


def arguments_of(request: Received) -> Arguments:
    """The arguments of a call: those of the query, and those of a body in JSON or of a form."""
    given: dict[str, Any] = dict(parse_qsl(urlsplit(request.path).query, keep_blank_values=True))
    kind = request.headers.get("content-type", "").partition(";")[0]
    if request.body and kind == "application/json":
        try:
            body = json.loads(request.body)
        except ValueError:
            raise Refused("invalid_json") from None
        if not isinstance(body, dict):
            raise Refused("json_not_object")
        return given | body
    if request.body and kind != "application/x-www-form-urlencoded":
        raise Refused("invalid_post_type")
    return given | dict(parse_qsl(request.body.decode(), keep_blank_values=True))


def name_complaint(name: str) -> str:
    """What is wrong with the name of a channel; empty where nothing is.

    https://docs.slack.dev/reference/methods/conversations.create#naming
    """
    if not name:
        return "invalid_name_required"
    if len(name) > NAME_LIMIT:
        return "invalid_name_maxlength"
    if not any(letter.isalnum() for letter in name):
        return "invalid_name_punctuation"
    return "" if re.fullmatch("[a-z0-9_-]+", name) else "invalid_name_specials"


def page_of(found: Sequence[Answer], given: Arguments, longest: int) -> tuple[list[Answer], str]:
    """One page of what was found, and the cursor of the next; empty at the end."""
    cursor = str(given.get("cursor", ""))
    try:
        start = int(base64.b64decode(cursor, validate=True)) if cursor else 0
    except ValueError:
        raise Refused("invalid_cursor") from None
    limit = str(given.get("limit", PAGE))
    if not limit.isdecimal() or limit == "0":
        raise Refused("invalid_limit")
    end = start + min(int(limit), longest)
    return list(found[start:end]), base64.b64encode(str(end).encode()).decode() if end < len(found) else ""


def moment(given: Arguments, argument: str) -> Decimal:
    """The moment that an argument names, in epoch seconds; 0 where it is not given."""
    try:
        return Decimal(str(given.get(argument, 0)))
    except InvalidOperation:
        raise Refused(f"invalid_ts_{argument}") from None


def is_true(value: object) -> bool:
    """Whether an argument of a query or of JSON is true."""
    return value is True or str(value).lower() in {"true", "1"}


def without_payload(message: Mapping[str, Any]) -> Answer:
    """The message as it is shown to who does not ask for all metadata: the event's type alone."""
    if "metadata" not in message:
        return dict(message)
    return {**message, "metadata": {"event_type": message["metadata"]["event_type"]}}


def bookmark(given: Arguments, number: int, now: int) -> Answer:
    """A new bookmark as Slack shows it."""
    if not given.get("title"):
        raise Refused("invalid_arguments")
    if given.get("type") != "link":
        raise Refused("invalid_bookmark_type")
    if not str(given.get("link", "")).startswith(("http://", "https://")):
        raise Refused("invalid_link")
    unused = dict.fromkeys(("entity_id", "shortcut_id", "app_id"))
    return {
        "id": f"Bk{number:09}", "channel_id": given["channel_id"], "title": given["title"],
        "link": given["link"], "emoji": given.get("emoji", ""), "icon_url": "", "type": "link",
        "date_created": now, "date_updated": 0, "rank": "g", "last_updated_by_user_id": BOT,
        "last_updated_by_team_id": TEAM, **unused,
    }  # fmt: skip
