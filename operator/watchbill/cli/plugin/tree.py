"""Draws incidents for a terminal. What people wrote is text: no markup, no control characters."""

from collections.abc import Iterator
from datetime import datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from watchbill.cli.plugin.kubectl import Json
from watchbill.cli.plugin.paging import LEVELS, clock, page_text, pages_at, span
from watchbill.cli.plugin.seen import moment

STYLES = {
    "Pending": "bold yellow",
    "Triggered": "bold red",
    "Acknowledged": "yellow",
    "Mitigated": "cyan",
    "Resolved": "green",
    "Accepted": "green",
    "Failed": "bold red",
}
"""Of phases and of pages; what is not here is plain."""


def console() -> Console:
    """The terminal; rich leaves colors out under NO_COLOR."""
    return Console(highlight=False, emoji=False, markup=False)


def plain(text: object) -> str:
    """A text that others wrote, in one line and without what would steer the terminal."""
    return "".join(each if each.isprintable() else " " for each in str(text))


def line(text: str, style: str = "") -> Text:
    """One line of a drawing."""
    return Text(plain(text), style=style)


def table(incidents: list[Json], now: datetime, with_namespace: bool) -> Table:
    """The incidents, one row each."""
    found = Table(box=None, pad_edge=False, header_style="bold")
    for heading in (*(("NAMESPACE",) if with_namespace else ()), *HEADINGS):
        found.add_column(heading, overflow="ellipsis" if heading == "TITLE" else "fold")
    for incident in incidents:
        spec, status, metadata = incident["spec"], incident.get("status") or {}, incident["metadata"]
        phase, following = (
            status.get("phase") or "Pending",
            moment((status.get("escalation") or {}).get("nextTime")),
        )
        age = span(now - (moment(metadata.get("creationTimestamp")) or now))
        home = [line(metadata["namespace"])] if with_namespace else []
        row = (metadata["name"], spec["severity"], status.get("commander") or "-")
        name, severity, commander = (line(each) for each in row)
        when = line(f"in {span(following - now)}" if following else "-")
        cells = (name, severity, line(phase, STYLES.get(phase, "")), commander, when, line(age))
        found.add_row(*home, *cells, line(spec["title"]))
    return found


HEADINGS = ("NAME", "SEVERITY", "PHASE", "COMMANDER", "NEXT", "AGE", "TITLE")


def tree(incident: Json, now: datetime) -> Tree:
    """One incident: who it is with, its levels with their pages, what stands outside, and what is wrong."""
    spec, status, metadata = incident["spec"], incident.get("status") or {}, incident["metadata"]
    phase = status.get("phase") or "Pending"
    head = line(f"{metadata['name']}  {spec['severity']}  ", "bold")
    head.append(plain(phase), STYLES.get(phase, ""))
    head.append(f"  {plain(spec['title'])}")
    found = Tree(head)
    for text in _people(spec, status):
        found.add(line(text))
    for level in _levels(status):
        _add_level(found, status, level, now)
    channel = (status.get("resources") or {}).get("channel")
    if channel:
        parts = ("channel", channel.get("state"), channel.get("url"), channel.get("message"))
        found.add(line("  ".join(str(part) for part in parts if part)))
    for condition in status.get("conditions") or []:
        if condition["type"] in ("Degraded", "UpdateOverdue") and condition["status"] == "True":
            found.add(line(f"{condition['type']}: {condition.get('message', '')}", STYLES["Failed"]))
    return found


def _people(spec: Json, status: Json) -> Iterator[str]:
    by = (spec.get("setBy") or {}).get("declaration")
    yield f"declared by {by or 'unknown'}"
    if status.get("commander"):
        yield f"commander {status['commander']}"
    for record in status.get("acknowledgements") or []:
        if not record.get("withdrawnTime"):
            note = f": {record['note']}" if record.get("note") else ""
            yield f"acknowledged by {record['user']} at {clock(moment(record['time']))}{note}"


def _levels(status: Json) -> list[str]:
    """The levels of the frozen policy, and whatever else was paged."""
    found = [level["name"] for level in (status.get("policy") or {}).get("levels") or []]
    extra = [level for level in LEVELS if pages_at(status, level)]
    return [*found, *extra]


def _add_level(found: Tree, status: Json, level: str, now: datetime) -> None:
    at = status.get("escalation") or {}
    is_open = at.get("level") == level and at.get("state") != "Stopped"
    text = LEVELS.get(level, f"level {level}")
    following = moment(at.get("nextTime"))
    if is_open and at.get("state") == "Snoozed":
        text += f"  snoozed until {clock(moment(at.get('snoozedUntilTime')))}"
    elif is_open:
        text += f"  open since {clock(moment(at.get('openedTime')))}, round {at.get('round', 1)}"
        text += f", the next opens in {span(following - now)}" if following else ""
    branch = found.add(line(text, "bold" if is_open else ""))
    for page in pages_at(status, level):
        late = f", late by {page['late']}" if page.get("late") else ""
        branch.add(line(f"{page_text(page)}{late}", STYLES.get(page["state"], "")))
