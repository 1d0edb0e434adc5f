"""`severity`, `mitigate`, `resolve`, `reopen` and `cancel`: what people say of an incident."""

from typing import Annotated

import typer

from watchbill.cli.plugin import wishes
from watchbill.cli.plugin.acting import act
from watchbill.cli.plugin.options import Name, OutputOption

commands = typer.Typer(add_completion=False, rich_markup_mode=None)

Reason = Annotated[str | None, typer.Option("--reason", "-m", help="Why.")]


@commands.command()
def severity(
    context: typer.Context,
    name: Name,
    to: Annotated[str, typer.Argument(metavar="SEVERITY", help="Such as SEV-1.", show_default=False)],
    output: OutputOption = None,
) -> None:
    """Change the severity; a rise pages anew. Needs the verb declare."""
    act(context, name, wishes.rated(to), f"changed to {to}", output)


@commands.command()
def mitigate(context: typer.Context, name: Name, reason: Reason = None, output: OutputOption = None) -> None:
    """Say that the harm has stopped. Needs the verb resolve."""
    act(context, name, wishes.said("Mitigated", reason), "mitigated", output)


@commands.command()
def resolve(context: typer.Context, name: Name, reason: Reason = None, output: OutputOption = None) -> None:
    """Say that the incident is over. Needs the verb resolve."""
    act(context, name, wishes.said("Resolved", reason), "resolved", output)


@commands.command()
def reopen(context: typer.Context, name: Name, reason: Reason = None, output: OutputOption = None) -> None:
    """Open a mitigated or resolved incident again. Needs the verb declare."""
    act(context, name, wishes.said("Open", reason), "reopened", output)


@commands.command()
def cancel(
    context: typer.Context,
    name: Name,
    reason: Annotated[str, typer.Option("--reason", "-m", help="Why.")] = "false alarm",
    output: OutputOption = None,
) -> None:
    """Call the incident off: it never was one. Needs the verb resolve."""
    act(context, name, wishes.said("Cancelled", reason), "cancelled", output)
