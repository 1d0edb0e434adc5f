"""Carries out a wish: read, decide, change what was read, and again where it changed meanwhile."""

from datetime import UTC, datetime

import typer

from watchbill.cli.plugin.failure import Conflict
from watchbill.cli.plugin.kubectl import INCIDENTS, Json
from watchbill.cli.plugin.options import Output, asked, print_object
from watchbill.cli.plugin.seen import Seen
from watchbill.cli.plugin.wishes import Wish

TRIES = 8
"""More than the operator's writes in the moment of a transition; each try reads anew and decides anew."""

UNCHANGED = "(no change)"


def act(context: typer.Context, name: str, wish: Wish, done: str, output: Output | None) -> None:
    """Do as wished and say so, or say that nothing was left to do; raises Failed."""
    kubectl = asked(context)
    me = kubectl.me()
    for attempt in range(TRIES):
        seen = Seen(kubectl.incident(name), me, datetime.now(UTC))
        change = wish(seen)
        if isinstance(change, str):
            report(context, seen.content, f"{UNCHANGED}: {change}", output)
            return
        try:
            after = kubectl.patched(name, change, seen.version)
        except Conflict:
            if attempt == TRIES - 1:
                raise
        else:
            report(context, after, f"{done} by {me}", output)
            return


def report(context: typer.Context, content: Json, text: str, output: Output | None) -> None:
    """Say what became of an object in one line, as kubectl does, or print it as `-o` asks."""
    kind = f"{content['kind'].lower()}.{content['apiVersion'].partition('/')[0]}"
    name = content["metadata"]["name"]
    if output is None:
        typer.echo(f"{kind}/{name} {text}")
    elif output is Output.WIDE:
        typer.echo(asked(context)("get", INCIDENTS, name, "--output=wide"), nl=False)
    else:
        print_object(content, output)
