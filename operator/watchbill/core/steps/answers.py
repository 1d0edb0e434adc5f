"""What an HTTP status says of a request: was it done, surely not, or can nobody tell?"""

from typing import Any

from watchbill.core.outcomes import Result
from watchbill.core.steps.contract import Answer, Request

CONFLICT = 409
TOO_MANY = 429
NOT_FOUND = 404
REFUSED = (401, 403)
CLIENT_ERROR = 400
REQUEST_TIMEOUT = 408
SERVER_ERROR = 500


def answered(request: Request, status: int, body: Any = None, text: str = "") -> Answer:
    """The answer with what it means. A server's error after a change leaves open whether that was made."""
    return Answer(_meaning(request, status), status, body, text, _message(status, body))


def unanswered(request: Request, was_sent: bool, message: str) -> Answer:
    """No answer: what can have been sent may have been done."""
    unknown = was_sent and not request.is_read
    return Answer(Result.UNKNOWN if unknown else Result.RETRY, message=message)


def reason_of(answer: Answer) -> str:
    """One word for what went wrong: the status, or whether the request was sent at all."""
    if answer.status:
        return f"HTTP{answer.status}"
    return "NotSent" if answer.result in (Result.PERMANENT, Result.AUTH) else "NoAnswer"


def _meaning(request: Request, status: int) -> Result:
    if status < CLIENT_ERROR:
        # A redirect is not followed, and so was not done.
        return Result.OK if status < 300 else Result.PERMANENT  # noqa: PLR2004 - where redirects begin
    if status in REFUSED:
        return Result.AUTH
    if status == CONFLICT:
        return Result.CONFLICT
    if status == TOO_MANY:
        return Result.RETRY
    if status >= SERVER_ERROR or status == REQUEST_TIMEOUT:
        return Result.RETRY if request.is_read else Result.UNKNOWN
    return Result.PERMANENT


def _message(status: int, body: Any) -> str:
    if status < CLIENT_ERROR:
        return ""
    said = body.get("message") if isinstance(body, dict) and body.get("kind") == "Status" else None
    return said if isinstance(said, str) else f"HTTP {status}"
