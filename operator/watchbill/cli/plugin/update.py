"""`update`: what is posted of an incident; it never changes, and the next one is another object."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated

import typer

from watchbill.api.group import API_VERSION
from watchbill.cli.plugin.acting import UNCHANGED, report
from watchbill.cli.plugin.failure import Exists
from watchbill.cli.plugin.kubectl import UPDATES, Json
from watchbill.cli.plugin.options import Name, OutputOption, asked
from watchbill.cli.plugin.seen import moment

commands = typer.Typer(add_completion=False, rich_markup_mode=None)

SAME_WITHIN = timedelta(minutes=5)
"""The same words by the same person so soon are a command that was typed twice; later they are news."""

NAME_ROOM = 48
"""The characters of an incident's name in that of its update, which has 63."""


class Audience(StrEnum):
    """Who may read an update."""

    INTERNAL = "Internal"
    STAKEHOLDERS = "Stakeholders"
    PUBLIC = "Public"


class PublicPhase(StrEnum):
    """What the public is told the incident is."""

    INVESTIGATING = "Investigating"
    IDENTIFIED = "Identified"
    MONITORING = "Monitoring"
    RESOLVED = "Resolved"


@commands.command()
def update(
    context: typer.Context,
    name: Name,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What there is to say.", show_default=False)],
    audience: Annotated[list[Audience] | None, typer.Option(help="Who may read it; Internal.")] = None,
    public_phase: Annotated[PublicPhase | None, typer.Option(help="The phase to tell the public.")] = None,
    output: OutputOption = None,
) -> None:
    """Post an update; whoever took the incident is at it. Needs create on incidentupdates."""
    kubectl = asked(context)
    me = kubectl.me()
    spec: Json = {
        "incidentRef": {"name": name},
        "by": me,
        "audience": [each.value for each in audience or [Audience.INTERNAL]],
        "text": text,
    }
    spec |= {"publicPhase": public_phase.value} if public_phase else {}
    incident = kubectl.incident(name)
    posted = kubectl.read("get", UPDATES, f"--field-selector=spec.incidentRef.name={name}")["items"]
    if (same := repeated(posted, spec, datetime.now(UTC))) is not None:
        report(context, same, f"{UNCHANGED}: {me} has just said so", output)
        return
    metadata = {"name": name_of(incident, spec, len(posted))}
    content = {"apiVersion": API_VERSION, "kind": "IncidentUpdate", "metadata": metadata, "spec": spec}
    try:
        report(context, kubectl.created(content), f"posted by {me}", output)
    except Exists:
        there = kubectl.read("get", UPDATES, str(metadata["name"]))
        report(context, there, f"{UNCHANGED}: {me} has just said so", output)


def repeated(posted: list[Json], spec: Json, now: datetime) -> Json | None:
    """The newest update where it says just this and is fresh, else None."""
    newest = max(posted, key=lambda each: str(each["metadata"]["creationTimestamp"]), default=None)
    if newest is None or any(newest["spec"].get(key) != value for key, value in spec.items()):
        return None
    created = moment(newest["metadata"]["creationTimestamp"])
    return newest if created is not None and now - created < SAME_WITHIN else None


def name_of(incident: Json, spec: Json, count: int) -> str:
    """A name that the same update has when it is sent again: two commands at once post it once."""
    content = json.dumps([incident["metadata"]["uid"], spec, count], sort_keys=True)
    stem = incident["metadata"]["name"][:NAME_ROOM].rstrip("-.")
    return f"{stem}-{hashlib.sha256(content.encode()).hexdigest()[:10]}"
