"""kubectl's own flags, which every command takes that asks a cluster, and how answers are printed."""

import json
import sys
from enum import StrEnum
from typing import Annotated, Any

import typer

from watchbill.cli.plugin.kubectl import Json, Kubectl

KEY = "watchbill.flags"


class Output(StrEnum):
    """How `-o` prints an object; wide and name are kubectl's own."""

    JSON = "json"
    YAML = "yaml"
    WIDE = "wide"
    NAME = "name"


OutputOption = Annotated[
    Output | None, typer.Option("--output", "-o", help="json, yaml, wide or name, as kubectl prints them.")
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The incident.", show_default=False)]


def sharing(command: Any) -> Any:
    """The command, and each within it, with kubectl's flags added; they are handed on to kubectl."""
    for each in getattr(command, "commands", {}).values():
        sharing(each)
    lent = typer.Typer(add_completion=False, rich_markup_mode=None)
    lent.command()(_flags)
    for parameter in typer.main.get_command(lent).params:
        parameter.expose_value = False
        parameter.callback = _keep
        command.params.append(parameter)
    return command


def _flags(
    namespace: Annotated[
        str | None, typer.Option("--namespace", "-n", help="The namespace; else that of the context.")
    ] = None,
    context: Annotated[str | None, typer.Option("--context", help="The context of the kubeconfig.")] = None,
    kubeconfig: Annotated[str | None, typer.Option("--kubeconfig", help="The kubeconfig file.")] = None,
) -> None: ...


def _keep(context: Any, parameter: Any, value: str | None) -> None:
    if value:
        context.meta.setdefault(KEY, []).append(f"{parameter.opts[0]}={value}")


def asked(context: typer.Context) -> Kubectl:
    """kubectl with the flags that were typed."""
    return Kubectl(tuple(context.meta.get(KEY, ())))


def on_terminal() -> bool:
    """Whether a person reads the answer; a program gets JSON."""
    return sys.stdout.isatty()


def as_data(output: Output | None, why: str = "this is no object of kubectl's") -> Output | None:
    """JSON, YAML, or None for a drawing; raises BadParameter for what only kubectl can print."""
    if output in (Output.WIDE, Output.NAME):
        raise typer.BadParameter(f"{output.value} is not to be had here: {why}", param_hint="--output")
    return output or (None if on_terminal() else Output.JSON)


def resource_of(content: Json) -> str:
    """The resource that an object is one of, with its group: `incidents.watchbill.dev`."""
    return f"{content['kind'].lower()}s.{content['apiVersion'].partition('/')[0]}"


def print_object(content: Json, output: Output) -> None:
    """Print an object that a command has in hand, as JSON, YAML, or its name."""
    if output is Output.JSON:
        typer.echo(json.dumps(content, indent=2, ensure_ascii=False))
    elif output is Output.NAME:
        typer.echo(f"{resource_of(content)}/{content['metadata']['name']}")
    else:
        import yaml  # noqa: PLC0415 - only who asks for YAML waits for it

        typer.echo(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), nl=False)
