"""`list`, `get` and `timeline`: what there is to see. A person gets a drawing, a program gets JSON."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

import typer

from watchbill.cli.plugin.failure import ExitCode
from watchbill.cli.plugin.kubectl import INCIDENTS, Json, Kubectl
from watchbill.cli.plugin.options import Name, Output, OutputOption, as_data, asked, on_terminal, print_object

commands = typer.Typer(add_completion=False, rich_markup_mode=None)

ENDED = ("Closed", "Cancelled", "Merged")


@commands.command("list")
def list_(
    context: typer.Context,
    everywhere: Annotated[bool, typer.Option("--all-namespaces", "-A", help="Of every namespace.")] = False,
    selector: Annotated[str | None, typer.Option("--selector", "-l", help="By labels.")] = None,
    open_: Annotated[bool, typer.Option("--open", help="Only those that have not ended.")] = False,
    output: OutputOption = None,
) -> None:
    """List incidents, the newest first."""
    kubectl = asked(context)
    flags = [*(["--all-namespaces"] if everywhere else []), *([f"--selector={selector}"] if selector else [])]
    if output is Output.WIDE and open_:
        raise typer.BadParameter("wide is kubectl's own table, which knows no --open", param_hint="--output")
    if output in (Output.WIDE, Output.NAME, Output.YAML) and not open_:
        typer.echo(kubectl("get", INCIDENTS, *flags, f"--output={output.value}"), nl=False)
        return
    found = kubectl.read("get", INCIDENTS, *flags)
    items = sorted(found["items"], key=lambda each: str(each["metadata"]["creationTimestamp"]), reverse=True)
    shown = [each for each in items if not open_ or (each.get("status") or {}).get("phase") not in ENDED]
    if output is Output.NAME:
        typer.echo("".join(f"{INCIDENTS}/{each['metadata']['name']}\n" for each in shown), nl=False)
    elif output in (Output.JSON, Output.YAML) or not on_terminal():
        print_object(found | {"items": shown}, output or Output.JSON)
    elif shown:
        from watchbill.cli.plugin import tree  # noqa: PLC0415 - a program that asks for JSON needs no rich

        tree.console().print(tree.table(shown, datetime.now(UTC), everywhere))
    else:
        typer.echo("No incidents found.", err=True)


@commands.command()
def get(
    context: typer.Context,
    name: Name,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Stay, and show every change.")] = False,
    output: OutputOption = None,
) -> None:
    """Show an incident: its levels, its pages, who has it, and what is wrong."""
    kubectl = asked(context)
    if watch:
        try:
            _watch(_versions(kubectl, name), output)
        except KeyboardInterrupt as error:
            raise typer.Exit(ExitCode.INTERRUPTED) from error
        return
    if output is not None:
        typer.echo(kubectl("get", INCIDENTS, name, f"--output={output.value}"), nl=False)
        return
    incident = kubectl.incident(name)
    if not on_terminal():
        print_object(incident, Output.JSON)
        return
    from watchbill.cli.plugin import tree  # noqa: PLC0415 - a program that asks for JSON needs no rich

    tree.console().print(tree.tree(incident, datetime.now(UTC)))


@commands.command()
def timeline(context: typer.Context, name: Name, output: OutputOption = None) -> None:
    """Tell what happened, in order, and who did it."""
    shape = as_data(output)
    status = asked(context).incident(name).get("status") or {}
    entries = status.get("timeline") or []
    if shape is not None:
        print_object({"dropped": status.get("timelineDropped", 0), "entries": entries}, shape)
        return
    from watchbill.cli.plugin import tree  # noqa: PLC0415 - a program that asks for JSON needs no rich

    if status.get("timelineDropped"):
        typer.echo(f"{status['timelineDropped']} older entries were dropped", err=True)
    for entry in entries:
        by = entry["actor"] or "unknown"
        typer.echo(tree.plain(f"{entry['time'][:19]}Z  {by:<20}  {entry['text']}"))


def _versions(kubectl: Kubectl, name: str) -> Iterator[Json]:
    """The incident whenever it changes, until it has ended; the server ends a watch now and then."""
    while True:
        for incident in kubectl.versions(name):
            yield incident
            ended = (incident.get("status") or {}).get("phase") in ENDED
            if ended or incident["metadata"].get("deletionTimestamp"):
                return


def _watch(versions: Iterator[Json], output: Output | None) -> None:
    """Show each version: as JSON, one line each, or as a tree that also counts down."""
    shape = as_data(output, "a watch prints objects")
    if shape is not None:
        for incident in versions:
            if shape is Output.JSON:
                typer.echo(json.dumps(incident, ensure_ascii=False))
            else:
                typer.echo("---")
                print_object(incident, shape)
        return
    from rich.live import Live  # noqa: PLC0415 - a program that asks for JSON needs no rich

    from watchbill.cli.plugin import tree  # noqa: PLC0415 - see above

    latest = next(versions, None)
    if latest is None:
        return
    shown = [latest]
    draw = lambda: tree.tree(shown[0], datetime.now(UTC))  # noqa: E731 - what Live calls each second
    with Live(console=tree.console(), get_renderable=draw, refresh_per_second=1) as live:
        for incident in versions:
            shown[0] = incident
            live.refresh()
