"""`declare`: one command says what is wrong, and answers who is being paged."""

import re
import time
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

import typer

from watchbill.api.group import API_VERSION
from watchbill.cli.plugin.acting import UNCHANGED, report
from watchbill.cli.plugin.failure import Exists, Failed
from watchbill.cli.plugin.kubectl import Json, Kubectl
from watchbill.cli.plugin.matrix import severities
from watchbill.cli.plugin.options import OutputOption, asked
from watchbill.cli.plugin.paging import is_settled, paging_lines

commands = typer.Typer(add_completion=False, rich_markup_mode=None)

MOST_SEVERE = "SEV-1"
"""Where the class cannot be read: one command puts right that too many are paged, and none that nobody is."""

NAME_LENGTH = 50
SAME_TITLES = 20
POLL_SECONDS = 0.25
OVER = ("Resolved", "Closed", "Cancelled", "Merged")


class Mode(StrEnum):
    """What kind of incident it is."""

    LIVE = "Live"
    DRILL = "Drill"
    BACKFILL = "Backfill"


@commands.command()
def declare(
    context: typer.Context,
    title: Annotated[str, typer.Argument(metavar="TITLE", help="What is wrong.", show_default=False)],
    severity: Annotated[str | None, typer.Option("--severity", "-s", help="Else the class's worst.")] = None,
    class_: Annotated[
        str | None, typer.Option("--class", help="The IncidentClass; else the default.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="The object's name; else made from the title.")] = None,
    summary: Annotated[str | None, typer.Option(help="More, in plain text.")] = None,
    service: Annotated[list[str] | None, typer.Option(help="A service that is harmed; repeatable.")] = None,
    mode: Annotated[Mode, typer.Option(help="Drill sends nothing; Backfill is of the past.")] = Mode.LIVE,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for the first page.")] = 10,
    output: OutputOption = None,
) -> None:
    """Declare an incident, and see who is being paged. Needs create on incidents."""
    kubectl = asked(context)
    me = kubectl.me()
    spec: Json = {
        "title": title,
        "severity": severity or next(iter(severities(kubectl, class_)), MOST_SEVERE),
        "setBy": {"declaration": me},
    }
    spec |= {"classRef": {"name": class_}} if class_ else {}
    spec |= {"summary": summary} if summary else {}
    spec |= {"affected": [{"service": each} for each in service]} if service else {}
    spec |= {"mode": mode.value} if mode is not Mode.LIVE else {}
    incident, is_new = _declared(kubectl, spec, name)
    if output is not None:
        report(context, incident, "", output)
        return
    known = incident["spec"]["severity"]
    text = f"declared by {me} as {known}" if is_new else f"{UNCHANGED}: it is declared, as {known}"
    report(context, incident, text, None)
    _tell(kubectl, incident, wait if mode is Mode.LIVE else 0)


def _declared(kubectl: Kubectl, spec: Json, name: str | None) -> tuple[Json, bool]:
    """The incident, and whether it is new: an open one with this name and title is the same."""
    for candidate in [name] if name else names(spec["title"]):
        metadata = {"name": candidate}
        content = {"apiVersion": API_VERSION, "kind": "Incident", "metadata": metadata, "spec": spec}
        try:
            return kubectl.created(content), True
        except Exists:
            there = kubectl.incident(str(candidate))
            is_open = (there.get("status") or {}).get("phase") not in OVER
            if is_open and there["spec"]["title"] == spec["title"]:
                return there, False
            if name:
                raise
    raise Failed(f"{SAME_TITLES} incidents have names like this: choose one with --name")


def names(title: str) -> Iterator[str]:
    """The names for an incident of this title; the next one is for when it happens again."""
    stem = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:NAME_LENGTH].strip("-") or "incident"
    yield stem
    yield from (f"{stem}-{number}" for number in range(2, SAME_TITLES + 1))


def _tell(kubectl: Kubectl, incident: Json, wait: float) -> None:
    """Say who is being paged, once that is known, or that it is not."""
    name, end = incident["metadata"]["name"], time.monotonic() + wait
    status = incident.get("status") or {}
    while not is_settled(status) and time.monotonic() < end:
        time.sleep(POLL_SECONDS)
        status = kubectl.incident(name).get("status") or {}
    lines = list(paging_lines(status))
    for line in lines:
        typer.echo(line)
    if wait and not is_settled(status):
        text = f"after {wait:g} s it is not known whether a page got through"
        typer.echo(f"{text}: look with kubectl watchbill get {name} -w", err=True)
