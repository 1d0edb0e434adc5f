"""When an attempt is repeated, and when it is given up."""

from datetime import timedelta

HOP_PATIENCE = timedelta(seconds=15)
"""How long a hop may take before the next one starts beside it; with the sender's own deadline of 10 s the
next hop starts at most 20 s after the page was due."""

LAST_PATIENCE = timedelta(seconds=60)
"""How long the last hop of a page is tried; the next level does not wait for it."""

QUICK_RETRY = timedelta(seconds=5)
"""The longest wait for a second try of a hop that has another one behind it."""

LEVEL_PATIENCE = timedelta(seconds=30)
"""How long a level where nothing was accepted stays alone."""

SEND_DEADLINE = timedelta(seconds=10)
"""After how long a claim without outcome, held by another process, counts as unknown."""

CLOSING_ATTEMPTS = 60
"""After how many failures, in about an hour, the outside is not told of the end any more, but people are."""

LONGEST = timedelta(seconds=60)
"""The longest of the operator's own waits between two tries of a page."""

CHANNEL_LONGEST = timedelta(minutes=5)
"""The longest wait between two tries of what concerns a channel."""


def backoff(attempts: int, after: timedelta | None = None, longest: timedelta = LONGEST) -> timedelta:
    """The wait after this many attempts: 1 s, doubled up to the longest; longer where the vendor asks."""
    own = min(timedelta(seconds=2 ** max(0, min(attempts - 1, 10))), longest)
    return max(own, after or timedelta(0))
