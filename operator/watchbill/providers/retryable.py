"""Which HTTP answers are worth another try."""

from datetime import datetime
from http import HTTPStatus

from watchbill.core.outcomes import Result
from watchbill.core.texts import cut, neutral
from watchbill.providers.contract import Response, Verdict
from watchbill.providers.waits import asked_wait

PASSING = frozenset(
    (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS),
)
"""Answers below 500 that may be another at the next try."""

LASTING = frozenset((HTTPStatus.NOT_IMPLEMENTED, HTTPStatus.HTTP_VERSION_NOT_SUPPORTED))
"""Answers from 500 on that stay; the codes that proxies made up, such as 520, do not."""

CREDENTIAL_REFUSED = frozenset(
    (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.PROXY_AUTHENTICATION_REQUIRED),
)

MESSAGE_LIMIT = 256
"""The length of a hop's message in the status, in characters."""


def result_of(status: int) -> Result:
    """What a status code means where the vendor says nothing more particular."""
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Result.OK
    if status in CREDENTIAL_REFUSED:
        return Result.AUTH
    if status == HTTPStatus.CONFLICT:
        return Result.CONFLICT
    if status in PASSING or (status >= HTTPStatus.INTERNAL_SERVER_ERROR and status not in LASTING):
        return Result.RETRY
    # Redirects too: to follow one would carry a credential to a place that nobody configured.
    return Result.PERMANENT


def verdict_of(response: Response, now: datetime, detail: str = "") -> Verdict:
    """What an answer means; `detail` is what the vendor says of it, untrusted."""
    result = result_of(response.status)
    if result is Result.OK:
        return Verdict(result)
    said = f": {neutral(detail)}" if detail else ""
    return Verdict(
        result,
        after=asked_wait(response, now) if result is Result.RETRY else None,
        reason=f"HTTP{response.status}",
        message=cut(f"the answer was HTTP {response.status}{said}", MESSAGE_LIMIT),
    )
