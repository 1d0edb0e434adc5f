"""Takes secrets out of texts that people will read."""

import json
from collections.abc import Iterable
from urllib.parse import quote

REDACTED = "[redacted]"


def redacted(text: str, secrets: Iterable[str]) -> str:
    """The text without any of the secrets, also where they stand escaped in a URL or in JSON."""
    if not text:
        return text
    # The longest first: a secret that is part of another must not leave the other's rest behind.
    for form in sorted({form for secret in secrets for form in _forms(secret)}, key=len, reverse=True):
        text = text.replace(form, REDACTED)
    return text


def _forms(secret: str) -> Iterable[str]:
    whole = (secret, quote(secret), quote(secret, safe=""), json.dumps(secret)[1:-1])
    return (form for form in whole if form)
