"""What a run shows of what came of a step: bounded, on clean lines, and without secrets."""

from collections.abc import Iterable

from watchbill.api.runbook_run_status import MAX_OUTPUT
from watchbill.core.steps.differences import MASK
from watchbill.core.texts import MARK, neutral_lines

SHORTEST_SECRET = 4
"""A shorter text is no secret, and would mask half of what is said."""


def masked(text: str, secrets: Iterable[str]) -> str:
    """The text with `***` in the place of each secret, the longest first."""
    for secret in sorted(set(secrets), key=len, reverse=True):
        if len(secret) >= SHORTEST_SECRET:
            text = text.replace(secret, MASK)
    return text


def shown(text: str, secrets: Iterable[str], limit: int = MAX_OUTPUT) -> str:
    """The end of a text, in at most `limit` characters, masked before it is cut: what failed stands last."""
    whole = neutral_lines(masked(text, secrets))
    return whole if len(whole) <= limit else MARK + whole[len(whole) - limit + len(MARK) :]


def is_cut(text: str, secrets: Iterable[str], limit: int = MAX_OUTPUT) -> bool:
    """Whether there is more than a status shows, which is then kept in an object of its own."""
    return len(neutral_lines(masked(text, secrets))) > limit
