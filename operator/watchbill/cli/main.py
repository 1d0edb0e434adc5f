"""The command `watchbill`: a command is a function in the module of its own name, loaded when it is used."""

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

COMMANDS = ("run", "crds", "lint", "policies", "version")
"""The commands in the order in which `--help` lists them."""


class Commands(TyperGroup):
    """The commands by name; none is loaded before it is asked for, so that each starts quickly."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of this name, or None where there is none."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"watchbill.cli.{cmd_name}")
        if hasattr(module, "commands"):
            return typer.main.get_group(module.commands).commands[cmd_name]
        one = typer.Typer(add_completion=False)
        one.command(cmd_name)(getattr(module, cmd_name))
        return typer.main.get_command(one)


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def watchbill() -> None:
    """Watchbill runs incidents as Kubernetes custom resources."""
