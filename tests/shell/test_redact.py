"""Secrets are taken out of what people read."""

import base64
import json

import pytest

from watchbill.shell.redact import redacted


@pytest.mark.parametrize(
    ("text", "secrets", "expected"),
    [
        pytest.param("key abc refused", ("abc",), "key [redacted] refused", id="as it stands"),
        pytest.param("abc and abc", ("abc",), "[redacted] and [redacted]", id="wherever it stands"),
        pytest.param("at /a%20b%2Fc", ("a b/c",), "at /[redacted]", id="escaped in a URL"),
        pytest.param("at a%20b/c", ("a b/c",), "at [redacted]", id="escaped in a URL but for slashes"),
        pytest.param(json.dumps('say "x"'), ('"x"',), '"say [redacted]"', id="escaped in JSON"),
        pytest.param("at b+c%2Fd", ("b c/d",), "at [redacted]", id="escaped in a form"),
        pytest.param("c2VjcmV0Y2FuYXJ5Pz8_", ("secretcanary???",), "[redacted]", id="encoded for a URL"),
        pytest.param("abcdef", ("abc", "abcdef"), "[redacted]", id="a secret within a secret"),
        pytest.param("nothing", ("", "abc"), "nothing", id="an empty secret hides nothing"),
    ],
)
def test_a_secret_is_replaced(text: str, secrets: tuple[str, ...], expected: str):
    assert redacted(text, secrets) == expected


@pytest.mark.parametrize("before", ["", "a", "ab", "user:"])
@pytest.mark.parametrize("after", ["", "z", "yz"])
def test_a_secret_within_an_encoding_is_replaced(before: str, after: str):
    secret = "opensesame-canary"
    text = base64.b64encode(f"{before}{secret}{after}".encode()).decode()
    kept = redacted(text, (secret,)).replace("[redacted]", "")
    # No more is left than the letters that its neighbors share with it.
    assert len(kept) <= len(text) - len(secret)
