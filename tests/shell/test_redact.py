"""Secrets are taken out of what people read."""

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
        pytest.param("abcdef", ("abc", "abcdef"), "[redacted]", id="a secret within a secret"),
        pytest.param("nothing", ("", "abc"), "nothing", id="an empty secret hides nothing"),
    ],
)
def test_a_secret_is_replaced(text: str, secrets: tuple[str, ...], expected: str):
    assert redacted(text, secrets) == expected
