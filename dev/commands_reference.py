"""The reference of every command, argument and option, made from what `--help` says."""

from collections.abc import Iterator
from typing import Any

import typer.main

from dev.reference import table
from watchbill.cli.main import app as watchbill
from watchbill.cli.plugin.main import app as plugin

COMMANDS = "docs/reference/commands.md"

INTRODUCTION = """# Commands and options

What `--help` says of each command. Made by `make generate` from `operator/watchbill/cli`;
[the command line](cli.md) and [the plugin](kubectl-watchbill.md) tell what they are for, with examples.
"""

OWN = frozenset({"--help"})
"""What every command takes, and nobody asks for here."""


def commands_page() -> str:
    """The page: each command with its first sentence and a table of what it takes."""
    apps = {"watchbill": watchbill, "kubectl watchbill": plugin}
    sections = (each for name, app in apps.items() for each in _sections(name, typer.main.get_command(app)))
    return "\n".join([INTRODUCTION, *sections])


def _sections(name: str, group: Any) -> Iterator[str]:
    for each in group.list_commands(None):
        command, path = group.get_command(None, each), f"{name} {each}"
        if hasattr(command, "list_commands"):
            yield from _sections(path, command)
        else:
            yield _section(path, command)


def _section(path: str, command: Any) -> str:
    rows = [
        row(each) for each in command.params if not (each.opts[0] in OWN or getattr(each, "hidden", False))
    ]
    said = f"## {path}\n\n{_one_line(command.help or '')}\n"
    return f"{said}\n{table(('takes', 'default', 'what it is'), rows)}" if rows else said


def row(parameter: Any) -> tuple[str, str, str]:
    """What a table says of an argument or an option: its names, its default, and its sentence."""
    is_option = parameter.param_type_name == "option"
    names = [*parameter.opts, *parameter.secondary_opts] if is_option else [parameter.name.upper()]
    said = _one_line(getattr(parameter, "help", None) or "")
    if parameter.envvar:
        said = f"{said} (`${parameter.envvar}`)".strip()
    return ", ".join(f"`{name}`" for name in names), _default(parameter), said


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    value = parameter.default
    if value is None or callable(value) or value in ("", (), [], False):
        return ""
    return "on" if value is True else f"`{getattr(value, 'value', value)}`"


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
