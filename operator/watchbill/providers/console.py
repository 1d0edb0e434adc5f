"""A page that is only written down: for a first try without an account. It wakes nobody."""

from datetime import datetime

from watchbill.core import texts
from watchbill.core.effects import PageEffect, hop_of
from watchbill.core.outcomes import Result
from watchbill.providers.contract import Capability, LogLine, Rate, Response, Settings, Verdict

LINE_LIMIT = 8192


class ConsoleProvider:
    """Writes each page as one log line, with its key; the incident says that nobody was paged."""

    name = "console"
    # There is no outside to ask: a line that is written twice carries the same key and wakes nobody.
    unkeyed = False
    real = False
    capabilities: frozenset[Capability] = frozenset(("acknowledge", "resolve"))
    rate = Rate(burst=1000, per_second=1000)

    def build(self, effect: PageEffect, settings: Settings, now: datetime) -> LogLine:
        """The page as one line, with its key in front."""
        parts = (f"page {hop_of(effect).key}", *texts.page_text(effect).splitlines())
        return LogLine(texts.cut(" | ".join(part for part in parts if part), LINE_LIMIT))

    def parse(self, response: Response, now: datetime) -> Verdict:
        """Written is delivered; nothing ever answers."""
        return Verdict(Result.OK)
