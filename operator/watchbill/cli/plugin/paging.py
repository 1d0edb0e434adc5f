"""Who is paged, in words, from an incident's status."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from watchbill.cli.plugin.kubectl import Json
from watchbill.cli.plugin.seen import moment

LEVELS = {"lastResort": "last resort", "operatorLastResort": "the operator's own last resort"}
"""What the levels are called that are no one's in the policy."""


def pages_at(status: Json, level: str) -> list[Json]:
    """The pages of a level in the present epoch, of its latest round."""
    epoch = (status.get("escalation") or {}).get("epoch", 0)
    found = [p for p in status.get("pages") or [] if p["level"] == level and p["epoch"] == epoch]
    latest = max((page["round"] for page in found), default=0)
    return [page for page in found if page["round"] == latest]


def open_pages(status: Json) -> list[Json]:
    """The pages of the level that is open now, the operator's own last resort among them."""
    level = (status.get("escalation") or {}).get("level", "")
    pages = pages_at(status, level) if level else []
    return pages + (pages_at(status, "operatorLastResort") if level == "lastResort" else [])


def is_settled(status: Json) -> bool:
    """Whether it is known of every page of the open level what became of it."""
    pages = open_pages(status)
    return bool(pages) and all(page["state"] != "Pending" for page in pages)


def page_text(page: Json) -> str:
    """How far a page went: `backup accepted at 03:00:01Z, after pagerduty failed (HTTP503)`."""
    hops = page.get("hops") or []
    last = next((hop for hop in hops if hop["state"] in ("Accepted", "Sending", "Claimed", "Unknown")), None)
    last = last or next((hop for hop in hops if hop["state"] == "Pending"), hops[-1] if hops else None)
    if last is None:
        return "nobody can be reached"
    failed = [hop_text(hop) for hop in hops[: hops.index(last)]]
    return hop_text(last) + (f", after {', '.join(failed)}" if failed else "")


def hop_text(hop: Json) -> str:
    """How far a page went by one connection."""
    name, state = hop["connection"], hop["state"]
    why = f" ({hop['reason']})" if hop.get("reason") else ""
    if state == "Accepted":
        sent = moment(hop.get("sentTime"))
        unreal = ", which wakes nobody" if hop.get("unreal") else ""
        return f"{name} accepted{f' at {clock(sent)}' if sent else ''}{unreal}"
    if state == "Pending" and hop.get("nextAttemptTime"):
        return f"{name} is tried again at {clock(moment(hop['nextAttemptTime']))}{why}"
    words = {"Pending": "is next", "Claimed": "is being paged", "Sending": "is being paged"}
    return f"{name} {words.get(state, state.lower())}{why}"


def how_text(page: Json) -> str:
    """The ways of a page that is not yet sent: `pagerDuty, then webhook by shop/backup`."""
    own, *others = (
        hop["vendor"] if hop["connection"] == page["who"] else f"{hop['vendor']} by {hop['connection']}"
        for hop in page["how"]
    )
    return ", then ".join((own, *others))


def paging_lines(status: Json) -> Iterator[str]:
    """Who is being paged now and who is next, one line each."""
    at = status.get("escalation") or {}
    for page in open_pages(status):
        yield f"paging {LEVELS.get(page['level'], page['level'])}: {page_text(page)}"
    following = moment(at.get("nextTime"))
    if following is not None and at.get("state") in ("Waiting", "Exhausted"):
        yield f"next: {next_level(status)} at {clock(following)}, unless somebody acknowledges"


def next_level(status: Json) -> str:
    """The level that opens next, by the frozen policy."""
    at, policy = status.get("escalation") or {}, status.get("policy") or {}
    names = [level["name"] for level in policy.get("levels") or []]
    rounds = (policy.get("repeat") or {}).get("times", 0) + 1
    if at.get("level") in names:
        following = names.index(at["level"]) + 1
        if following < len(names):
            return str(names[following])
        if at.get("round", 1) < rounds:
            return str(names[0])
    return LEVELS["lastResort"]


def clock(time: datetime | None) -> str:
    """The time of day in UTC."""
    return f"{time:%H:%M:%SZ}" if time else "?"


def span(length: timedelta) -> str:
    """A length to the second, as people say it: `4m12s`, `3d4h`."""
    seconds = max(0, int(length.total_seconds()))
    parts = [
        (seconds // 86400, "d"),
        (seconds // 3600 % 24, "h"),
        (seconds // 60 % 60, "m"),
        (seconds % 60, "s"),
    ]
    shown = [f"{number}{unit}" for number, unit in parts if number]
    return "".join(shown[:2]) or "0s"
