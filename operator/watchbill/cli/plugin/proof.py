"""What an incident shows of the level that it pages first: whether anybody gets the page. Pure functions."""

from collections.abc import Iterator
from dataclasses import dataclass

from watchbill.cli.plugin.kubectl import Json
from watchbill.cli.plugin.paging import LEVELS, page_text
from watchbill.cli.plugin.seen import moment

PATIENCE = 30
"""After so many seconds without an accepted page the operator opens the next level."""

MARGIN = 2
"""The seconds that it takes at most to see how things stand and to end the incident."""


@dataclass(frozen=True)
class Proof:
    """The pages of the level that was paged first, in its first round."""

    status: Json

    @property
    def pages(self) -> list[Json]:
        """The pages; none where nobody was paged yet."""
        pages = self.status.get("pages") or []
        first = pages[0] if pages else None
        return [page for page in pages if _place(page) == _place(first)] if first else []

    @property
    def is_settled(self) -> bool:
        """Whether it is known of every page what became of it."""
        return bool(self.pages) and all(_is_through(p) or p["state"] != "Pending" for p in self.pages)

    @property
    def acknowledged_by(self) -> str | None:
        """Who has it; None while nobody does."""
        records = self.status.get("acknowledgements") or []
        return next((str(each["user"]) for each in records if not each.get("withdrawnTime")), None)

    @property
    def room(self) -> float:
        """The seconds from a level's opening within which the incident must end, or another level opens."""
        at = self.status.get("escalation") or {}
        opened, following = moment(at.get("openedTime")), moment(at.get("nextTime"))
        if opened is None or following is None:
            return PATIENCE - MARGIN
        until = (following - opened).total_seconds()
        return (until if self.is_settled else min(until, PATIENCE)) - MARGIN

    def lines(self) -> Iterator[str]:
        """How far each page went."""
        for page in self.pages:
            yield f"paging {_titled(page['level'])}: {page_text(page)}"

    def problems(self) -> list[str]:
        """Why the test has failed; none where every page of the first level reached a person's pager."""
        return list(self._problems())

    def _problems(self) -> Iterator[str]:
        accepted = self.status.get("conditions") or []
        refusal = next((c for c in accepted if c["type"] == "Accepted" and c["status"] == "False"), None)
        if refusal is not None:
            yield str(refusal.get("message") or refusal.get("reason"))
            return
        if not self.pages:
            yield "nobody was paged: is the operator running?"
            return
        level = self.pages[0]["level"]
        levels = (self.status.get("policy") or {}).get("levels") or []
        if levels and levels[0]["name"] != level:
            first = _titled(levels[0]["name"])
            yield f"{first}: nobody can be reached, and {_titled(level)} was paged instead"
        for page in self.pages:
            if not _is_through(page):
                yield f"{_titled(level)}: no page gets through: {page_text(page)}"
        now = (self.status.get("escalation") or {}).get("level")
        if now not in (None, "", level):
            yield f"{_titled(level)}: nobody had it, and {_titled(now)} was paged, too"


def _place(page: Json) -> tuple[int, int, str]:
    return page["epoch"], page["round"], page["level"]


def _is_through(page: Json) -> bool:
    """Whether a connection that reaches people has accepted the page."""
    return any(hop["state"] == "Accepted" and not hop.get("unreal") for hop in page.get("hops") or [])


def _titled(level: str) -> str:
    return LEVELS.get(level, level)
