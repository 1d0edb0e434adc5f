"""Every form in which a vendor asks to wait."""

from datetime import timedelta

import pytest

from tests.providers.pages import NOW
from watchbill.providers.contract import Response
from watchbill.providers.waits import asked_wait

EPOCH = int(NOW.timestamp())


def wait(headers: dict[str, str], body: bytes = b"", status: int = 429) -> float | None:
    found = asked_wait(Response(status, headers, body), NOW)
    return None if found is None else found.total_seconds()


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        pytest.param({"retry-after": "7"}, b"", 7, id="Retry-After in seconds"),
        pytest.param({"retry-after": " 7 "}, b"", 7, id="Retry-After with white space"),
        pytest.param({"retry-after": "0.5"}, b"", 0.5, id="Retry-After with a fraction"),
        pytest.param(
            {"retry-after": "Sun, 29 Mar 2026 01:30:42 GMT"}, b"", 42, id="Retry-After as an HTTP date"
        ),
        pytest.param({"retry-after": "2026-03-29T01:30:42Z"}, b"", 42, id="Retry-After as an ISO date"),
        pytest.param(
            {"retry-after": "2026-03-29T01:30:42"}, b"", 42, id="Retry-After as an ISO date without zone"
        ),
        pytest.param(
            {"retry-after": "2026-03-29T03:30:42+02:00"}, b"", 42, id="Retry-After as an ISO date elsewhere"
        ),
        pytest.param({"ratelimit-reset": "12"}, b"", 12, id="ratelimit-reset in seconds"),
        pytest.param({"ratelimit-reset": str(EPOCH + 30)}, b"", 30, id="RateLimit-Reset as epoch seconds"),
        pytest.param(
            {"x-ratelimit-reset": str(EPOCH * 1000 + 2500)}, b"", 2.5, id="X-Ratelimit-Reset as epoch ms"
        ),
        pytest.param({"x-ratelimit-reset": str(EPOCH + 9)}, b"", 9, id="x-ratelimit-reset as epoch seconds"),
        pytest.param(
            {"x-ratelimit-reset": "2026-03-29T01:31:00Z"}, b"", 60, id="X-RateLimit-Reset as an ISO date"
        ),
        pytest.param({}, b'{"retry_after_ms": 4969}', 4.969, id="retry_after_ms in the body"),
        pytest.param(
            {"retry-after": "5", "ratelimit-reset": "8"},
            b'{"retry_after_ms": 4969}',
            8,
            id="the largest of several",
        ),
        pytest.param({"retry-after": "86400"}, b"", 900, id="15 minutes at the most"),
        pytest.param({"retry-after": "9" * 20}, b"", 900, id="15 minutes for a number past all reason"),
        pytest.param({"retry-after": "9999-12-31T23:59:59Z"}, b"", 900, id="15 minutes for a far date"),
        pytest.param({"retry-after": "0"}, b"", None, id="none for zero"),
        pytest.param({"retry-after": "-5"}, b"", None, id="none for a negative number"),
        pytest.param({"retry-after": "2026-03-29T01:29:00Z"}, b"", None, id="none for the past"),
        pytest.param({"retry-after": "soon"}, b"", None, id="none for words"),
        pytest.param({"retry-after": "nan"}, b"", None, id="none for what is not a number"),
        pytest.param({"retry-after": "\u0667"}, b"", None, id="none for digits of another script"),
        pytest.param({"retry-after": "9" * 500}, b"", None, id="none for five hundred digits"),
        pytest.param({}, b'{"retry_after_ms": true}', None, id="none for a truth value in the body"),
        pytest.param({}, b'{"retry_after_ms": "5"}', None, id="none for text in the body"),
        pytest.param({}, b'["retry_after_ms"]', None, id="none for a list in the body"),
        pytest.param({}, b"{retry_after_ms", None, id="none for a broken body"),
        pytest.param({}, b"", None, id="none where nothing is said"),
    ],
)
def test_the_answer_asks_for(headers: dict[str, str], body: bytes, expected: float | None):
    assert wait(headers, body) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("status", "remaining", "expected"),
    [
        pytest.param(503, "12", None, id="says nothing while requests remain"),
        pytest.param(503, "0", 600, id="counts once none remains"),
        pytest.param(403, "12", 600, id="counts with 403, GitHub's way to limit"),
        pytest.param(429, "12", 600, id="counts with 429"),
    ],
)
def test_the_moment_at_which_a_quota_is_renewed(status: int, remaining: str, expected: float | None):
    headers = {"x-ratelimit-reset": "600", "x-ratelimit-remaining": remaining}
    assert wait(headers, status=status) == expected


def test_the_longest_wait_is_a_quarter_of_an_hour():
    assert asked_wait(Response(503, {"retry-after": "901"}, b""), NOW) == timedelta(minutes=15)
