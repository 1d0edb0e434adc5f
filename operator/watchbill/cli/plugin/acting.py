"""Carries out a wish: read, decide, change what was read, and again where it changed meanwhile."""

from datetime import UTC, datetime

import typer

from watchbill.cli.plugin.failure import Conflict
from watchbill.cli.plugin.kubectl import INCIDENTS, Json, Kubectl
from watchbill.cli.plugin.options import Output, asked, print_object, resource_of
from watchbill.cli.plugin.seen import Seen
from watchbill.cli.plugin.wishes import Wish

TRIES = 8
"""More than the operator's writes in the moment of a transition; each try reads anew and decides anew."""

UNCHANGED = "(no change)"


def act(context: typer.Context, name: str, wish: Wish, done: str, output: Output | None) -> None:
    """Do as wished and say so, or say that nothing was left to do; raises Failed."""
    content, text = acted(asked(context), name, wish, done)
    report(context, content, text, output)


def acted(kubectl: Kubectl, name: str, wish: Wish, done: str, kind: str = INCIDENTS) -> tuple[Json, str]:
    """The object after it was changed as wished, and in words what was done; raises Failed."""
    me, tries = kubectl.me(), TRIES
    while True:
        seen = Seen(kubectl.read("get", kind, name), me, datetime.now(UTC))
        change = wish(seen)
        if isinstance(change, str):
            return seen.content, f"{UNCHANGED}: {change}"
        try:
            return kubectl.patched(name, change, seen.version, kind), f"{done} by {me}"
        except Conflict:
            tries -= 1
            if tries == 0:
                raise


def line_of(content: Json, text: str) -> str:
    """What became of an object in one line, as kubectl says it."""
    kind = f"{content['kind'].lower()}.{content['apiVersion'].partition('/')[0]}"
    return f"{kind}/{content['metadata']['name']} {text}"


def report(context: typer.Context, content: Json, text: str, output: Output | None) -> None:
    """Say what became of an object in one line, or print it as `-o` asks."""
    if output is None:
        typer.echo(line_of(content, text))
    elif output is Output.WIDE:
        shown = asked(context)("get", resource_of(content), content["metadata"]["name"], "--output=wide")
        typer.echo(shown, nl=False)
    else:
        print_object(content, output)
