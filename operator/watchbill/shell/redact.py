"""Takes secrets out of texts that people will read."""

from collections.abc import Iterable

from watchbill.core.secret_forms import without

REDACTED = "[redacted]"


def redacted(text: str, secrets: Iterable[str]) -> str:
    """The text without any of the secrets, also where they stand escaped or encoded."""
    return without(text, secrets, REDACTED)
