"""What Slack's answers mean: https://docs.slack.dev/apis/web-api/using-the-slack-web-api#responses

Almost every answer is a 200; `ok` and `error` in its JSON say what became of the call.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any

from watchbill.core.outcomes import Result
from watchbill.core.texts import cut, neutral
from watchbill.providers.contract import Response, Verdict
from watchbill.providers.retryable import MESSAGE_LIMIT, verdict_of
from watchbill.providers.waits import asked_wait

_WORD = re.compile("[a-z_]+")
"""What Slack's errors look like; a token does not."""

GONE = ("is_archived", "channel_not_found")
"""The channel is not there to be used any more."""

_PASSING = frozenset(
    ("ratelimited", "rate_limited", "service_unavailable", "request_timeout", "team_added_to_org")
)
"""Errors that pass, and before which nothing was done."""

_UNKNOWN = frozenset(("internal_error", "fatal_error"))
"""Errors of which Slack says that some of the call may have succeeded."""

_CREDENTIAL = frozenset(
    (
        "not_authed",
        "invalid_auth",
        "account_inactive",
        "token_revoked",
        "token_expired",
        "missing_scope",
        "no_permission",
        "not_allowed_token_type",
        "access_denied",
        "ekm_access_denied",
        "org_login_required",
        "two_factor_setup_required",
    )
)
"""Errors that are about the token, or what its app may do."""


def verdict(response: Response, now: datetime) -> Verdict:
    """What an answer means; its reason is Slack's own word, such as name_taken."""
    if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        text = f"the answer was HTTP {response.status}"
        return Verdict(Result.UNKNOWN, asked_wait(response, now), f"HTTP{response.status}", text)
    found = verdict_of(response, now)
    if found.result is not Result.OK:
        return found
    body = body_of(response)
    if body.get("ok") is True:
        return Verdict(Result.OK)
    if body.get("ok") is not False:
        # Nobody knows what a proxy in between did with the call.
        text = f"HTTP {response.status} without Slack's answer: is a proxy in between?"
        return Verdict(Result.UNKNOWN, reason="UnexpectedAnswer", message=text)
    return _refused(response, body, now)


def body_of(response: Response) -> Mapping[str, Any]:
    """The JSON object of an answer; empty where it is none."""
    try:
        found = json.loads(response.body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def part(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object within an answer; empty where it is none."""
    found = body.get(name)
    return found if isinstance(found, dict) else {}


def parts(body: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    """The objects of a list within an answer."""
    found = body.get(name)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def next_cursor(body: Mapping[str, Any]) -> str:
    """Where the next page of a list begins; empty after the last: https://docs.slack.dev/apis/web-api/pagination"""
    return str(part(body, "response_metadata").get("next_cursor") or "")


def escaped(text: str) -> str:
    """The text as a message shows it: https://docs.slack.dev/messaging/formatting-message-text#escaping

    What people wrote can so name no user and no group, and wakes nobody.
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _refused(response: Response, body: Mapping[str, Any], now: datetime) -> Verdict:
    error = neutral(str(body.get("error") or "no_reason_given"))
    is_word = _WORD.fullmatch(error) is not None
    needed = body.get("needed")
    said = error + (f"; the app needs the scope {neutral(str(needed))}" if needed else "")
    return Verdict(
        _result(error),
        after=asked_wait(response, now) if error in _PASSING else None,
        # A reason is shown as it is: it must not hold what a gateway may have put there.
        reason=cut(error, 32) if is_word else "Refused",
        message=cut(said, MESSAGE_LIMIT),
    )


def _result(error: str) -> Result:
    if error in _PASSING:
        return Result.RETRY
    if error in _UNKNOWN:
        return Result.UNKNOWN
    if error in _CREDENTIAL:
        return Result.AUTH
    return Result.CONFLICT if error in GONE else Result.PERMANENT
