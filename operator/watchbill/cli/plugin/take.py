"""`ack`, `escalate` and `snooze`: who takes the incident, who else is paged, and when nobody is."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from watchbill.cli.plugin import wishes
from watchbill.cli.plugin.acting import act
from watchbill.cli.plugin.options import Name, OutputOption

commands = typer.Typer(add_completion=False, rich_markup_mode=None)

LONGEST_SNOOZE = timedelta(hours=24)
"""The operator ends a longer one here."""


@commands.command()
def ack(
    context: typer.Context,
    name: Name,
    note: Annotated[str | None, typer.Option("--note", "-m", help="What others are to know.")] = None,
    page: Annotated[str | None, typer.Option(help="One page of status.pages, by its id.")] = None,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Give the incident back.")] = False,
    output: OutputOption = None,
) -> None:
    """Take the incident: paging stops. Needs the verb acknowledge."""
    if withdraw:
        act(context, name, wishes.withdrawn(), "given back", output)
    else:
        act(context, name, wishes.acknowledged(note, page), "acknowledged", output)


@commands.command()
def escalate(
    context: typer.Context,
    name: Name,
    to: Annotated[str | None, typer.Option(metavar="LEVEL", help="The level; else the next one.")] = None,
    reason: Annotated[str, typer.Option("--reason", "-m", help="Why.")] = "more hands are needed",
    output: OutputOption = None,
) -> None:
    """Page the next level now. Needs the verb escalate."""
    done = f"escalated to {to or 'the next level'}"
    act(context, name, wishes.escalated(reason, to), done, output)


@commands.command()
def snooze(
    context: typer.Context,
    name: Name,
    length: Annotated[
        str, typer.Option("--for", metavar="DURATION", help="For how long, at most 24h.")
    ] = "30m",
    end: Annotated[bool, typer.Option("--end", help="Page again now.")] = False,
    output: OutputOption = None,
) -> None:
    """Open no level for a while; then paging resumes. Needs the verb escalate."""
    if end:
        act(context, name, wishes.snoozed(None), "snooze ended", output)
        return
    until = datetime.now(UTC) + _snooze(length)
    act(context, name, wishes.snoozed(until), f"snoozed until {until:%H:%M:%SZ}", output)


def _snooze(text: str) -> timedelta:
    """The length; raises BadParameter where it is none, or one that the operator would cut."""
    from watchbill.api.durations import parse_duration  # noqa: PLC0415 - the other verbs need no pydantic

    try:
        length = parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--for") from error
    if not timedelta(0) < length <= LONGEST_SNOOZE:
        raise typer.BadParameter(f"{text} is not between 1s and 24h", param_hint="--for")
    return length
