"""The command `kubectl-watchbill`, which kubectl finds as `kubectl watchbill`."""

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

from watchbill.cli.plugin.failure import Failed
from watchbill.cli.plugin.names import COMMANDS, OFFLINE
from watchbill.cli.plugin.options import sharing

NAME = "kubectl watchbill"


class Commands(TyperGroup):
    """The commands by name; the module of one is loaded when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of this name, or None where there is none."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(COMMANDS[cmd_name])
        if hasattr(module, "commands"):
            found = typer.main.get_group(module.commands).commands[cmd_name]
        else:
            one = typer.Typer(add_completion=False, rich_markup_mode=None)
            one.command(cmd_name)(getattr(module, cmd_name))
            found = typer.main.get_command(one)
        return found if cmd_name in OFFLINE else sharing(found)

    def invoke(self, ctx: Any) -> Any:
        """Run the command; one that failed says why on standard error, and exits with its code."""
        try:
            return super().invoke(ctx)
        except Failed as error:
            typer.echo(error.message, err=True)
            raise typer.Exit(error.code) from error


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def kubectl_watchbill() -> None:
    """Declare, take and end incidents, and see who is paged, as yourself."""


def main() -> None:
    """Run the command under the name that people type."""
    app(prog_name=NAME)
