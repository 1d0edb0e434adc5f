"""How long a vendor asks to wait, in every form that vendors ask in."""

import json
import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from watchbill.providers.contract import Response

LONGEST_WAIT = timedelta(minutes=15)
"""No vendor makes a page wait longer than this."""

_RESETS = ("ratelimit-reset", "x-ratelimit-reset")
_REMAINDERS = ("ratelimit-remaining", "x-ratelimit-remaining")
_LIMITED = frozenset((403, 429))
_NUMBER = re.compile(r"[0-9]{1,20}(\.[0-9]{1,9})?")
# One header carries seconds to wait (PagerDuty REST), epoch seconds (GitHub, GitLab) or epoch
# milliseconds (LaunchDarkly); the magnitude tells: 1e9 s is 2001 as a moment, 31 years as a wait.
_LEAST_EPOCH_SECONDS = 1e9
_LEAST_EPOCH_MILLISECONDS = 1e11


def asked_wait(response: Response, now: datetime) -> timedelta | None:
    """The longest wait that the answer asks for, at most 15 minutes; None where it asks for none."""
    asked = [_retry_after(response, now), _body_wait(response)]
    if _is_limited(response):
        # Many vendors send these headers with every answer; they ask for a wait only when used up.
        asked += [_reset(response.headers.get(name, ""), now) for name in _RESETS]
    seconds = max((wait for wait in asked if wait is not None), default=0.0)
    if seconds <= 0:
        return None
    return timedelta(seconds=min(seconds, LONGEST_WAIT.total_seconds()))


def _is_limited(response: Response) -> bool:
    used_up = any(response.headers.get(name, "").strip() == "0" for name in _REMAINDERS)
    return response.status in _LIMITED or used_up


def _retry_after(response: Response, now: datetime) -> float | None:
    value = response.headers.get("retry-after", "").strip()
    if _NUMBER.fullmatch(value):
        return float(value)
    return _until(value, now)


def _reset(value: str, now: datetime) -> float | None:
    value = value.strip()
    if not _NUMBER.fullmatch(value):
        return _until(value, now)
    number = float(value)
    if number >= _LEAST_EPOCH_MILLISECONDS:
        return number / 1000 - now.timestamp()
    if number >= _LEAST_EPOCH_SECONDS:
        return number - now.timestamp()
    return number


def _body_wait(response: Response) -> float | None:
    """The wait in a Matrix server's body, `retry_after_ms`."""
    if b"retry_after_ms" not in response.body:
        return None
    try:
        body = json.loads(response.body)
    except (ValueError, RecursionError):
        return None
    wait = body.get("retry_after_ms") if isinstance(body, dict) else None
    return wait / 1000 if isinstance(wait, int | float) and not isinstance(wait, bool) else None


def _until(value: str, now: datetime) -> float | None:
    """The seconds until an HTTP date or an ISO date, which without a zone is in UTC."""
    for parse in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            moment = parse(value)
        except (ValueError, OverflowError):
            continue
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return (aware - now).total_seconds()
    return None
