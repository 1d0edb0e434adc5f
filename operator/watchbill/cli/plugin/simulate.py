"""`simulate`: who would be paged by a policy, how and when, if nobody answered; no cluster is asked."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from watchbill.api.durations import parse_duration
from watchbill.api.escalation_policy import EscalationPolicy
from watchbill.api.model import format_time
from watchbill.cli.links import World, world_of
from watchbill.cli.manifests import files_in, read_manifests
from watchbill.cli.plugin.failure import ExitCode, Invalid
from watchbill.cli.plugin.foretell import Told, connections_of, foretold
from watchbill.cli.plugin.options import Output, as_data, print_object
from watchbill.cli.plugin.paging import LEVELS, how_text
from watchbill.core.effects import ConnectionKey
from watchbill.core.plan import LAST_RESORT
from watchbill.core.suspension import suspension
from watchbill.providers.registry import PROVIDERS

commands = typer.Typer(add_completion=False, rich_markup_mode=None)

ASSUMED = "assumed"
"""How a connection is called that is in none of the files: it is taken to work."""


@commands.command()
def simulate(
    policy: Annotated[
        list[Path],
        typer.Argument(
            metavar="POLICY...", exists=True, help="Files or folders with the policy and its connections."
        ),
    ],
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="RFC 3339, or HH:MM of today, UTC; else now.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Which policy, where the files hold several.")] = None,
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", help="Where objects are that name no namespace.")
    ] = "default",
    down: Annotated[
        list[str] | None, typer.Option(help="A connection that does not answer; repeatable.")
    ] = None,
    output: Annotated[Output | None, typer.Option("--output", "-o", help="json or yaml.")] = None,
) -> None:
    """Tell who is paged, how and when, if nobody acknowledges. Asks no cluster.

    Exits 1 where a level reaches nobody, and names it. A policy that is suspended is told as if it were not,
    with a word on standard error.
    """
    shape = as_data(output)
    start = moment_of(at, datetime.now(UTC))
    found = world_of([each for file in files_in(policy) for each in read_manifests(file)[0]], namespace)
    chosen = the_policy(found, name)
    home = chosen.metadata.namespace or namespace
    keys = frozenset(key_of(each, home) for each in down or [])
    if unknown := keys - connections_of(chosen, found).keys():
        raise Invalid(f"the policy names no connection {'/'.join(min(unknown))}")
    try:
        told = foretold(chosen, found, start, keys)
    except (ValueError, OverflowError) as error:
        raise Invalid(f"the policy cannot be simulated: {error}") from error
    content = described(told, chosen, found, start)
    if shape is not None:
        print_object(content, shape)
    else:
        _print(content)
    for word in (suspension(chosen), *content["gaps"]):
        if word:
            typer.echo(word, err=True)
    if content["gaps"]:
        raise typer.Exit(ExitCode.REFUSED)


def moment_of(text: str | None, now: datetime) -> datetime:
    """The moment that was typed, in whole seconds; raises BadParameter. Where no zone is given, it is UTC."""
    if text is None:
        return now.replace(microsecond=0)
    try:
        typed = f"{now:%Y-%m-%d}T{text}" if len(text) <= len("03:00:00") and ":" in text else text
        found = datetime.fromisoformat(typed)
    except ValueError as error:
        raise typer.BadParameter(
            f"{text!r} is not a time such as 2026-03-09T03:00Z", param_hint="--at"
        ) from error
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC).replace(microsecond=0)


def the_policy(world: World, name: str | None) -> EscalationPolicy:
    """The policy of this name, or the only one; raises Invalid."""
    found = [each for (_, each_name), each in sorted(world.policies.items()) if name in (None, each_name)]
    if len(found) == 1:
        return found[0]
    names = ", ".join("/".join(key) for key in sorted(world.policies))
    if not world.policies:
        raise Invalid("the files hold no EscalationPolicy that can be read: kubectl watchbill lint says why")
    raise Invalid(f"which policy? --name takes one of {names}")


def key_of(text: str, namespace: str) -> ConnectionKey:
    """The connection that a name, or namespace/name, means."""
    home, _, name = text.rpartition("/")
    return ConnectionKey(home or namespace, name)


def described(told: list[Told], policy: EscalationPolicy, world: World, start: datetime) -> dict[str, Any]:
    """The pages as data: as `status.preview` has them, with the time of each, and who accepts it when."""
    pages = [_page(each, world, start) for each in told]
    ends = [page["time"] for page in pages if page["level"] == LAST_RESORT]
    levels = [*(level.name for level in policy.spec.levels), LAST_RESORT]
    return {
        "policy": f"{policy.metadata.namespace}/{policy.metadata.name}",
        "suspended": bool(policy.spec.suspend),
        "declaredTime": format_time(start),
        "pages": pages,
        "gaps": [f"{_titled(level)}: {gap}" for level in levels if (gap := gap_at(level, pages))],
        "exhaustedTime": ends[0] if ends else None,
    }


def _page(told: Told, world: World, start: datetime) -> dict[str, Any]:
    page = told.page.to_json()
    for hop in page["how"]:
        if key_of(hop["connection"], "") not in world.connections:
            hop["vendor"] = ASSUMED
    vendor = next((hop["vendor"] for hop in page["how"] if hop["connection"] == told.accepted_by), ASSUMED)
    return page | {
        "time": format_time(start + parse_duration(told.page.after)),
        "acceptedBy": told.accepted_by,
        "acceptedAfter": told.accepted_after,
        "real": vendor == ASSUMED or PROVIDERS[vendor].real,
    }


def gap_at(level: str, pages: list[dict[str, Any]]) -> str | None:
    """Why a level reaches nobody; None where a page gets through."""
    here = [page for page in pages if page["level"] == level]
    if any(page["acceptedBy"] for page in here):
        return None
    return "no page gets through" if here else "none of its connections can carry a page"


def answer_text(page: dict[str, Any]) -> str:
    """What becomes of a page, in words."""
    if page["acceptedBy"] is None:
        return "does not answer"
    by = f"{page['acceptedBy']} accepts" if page["acceptedBy"] != page["how"][0]["connection"] else "accepted"
    late = f" after {page['acceptedAfter']}" if page["acceptedAfter"] != page["after"] else ""
    return f"{by}{late}{'' if page['real'] else ', wakes nobody'}"


def _titled(level: str) -> str:
    return LEVELS.get(level, f"level {level}")


def _print(content: dict[str, Any]) -> None:
    from rich.table import Table  # noqa: PLC0415 - a program that asks for JSON needs no rich

    from watchbill.cli.plugin.tree import console, line  # noqa: PLC0415 - see above

    shown = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("AFTER", "TIME", "ROUND", "LEVEL", "WHO", "HOW", "ANSWER"):
        shown.add_column(heading)
    for page in content["pages"]:
        level = LEVELS.get(page["level"], page["level"])
        texts = (page["after"], page["time"], page["round"], level, page["who"], how_text(page))
        style = "bold red" if not page["acceptedBy"] else "green" if page["real"] else "yellow"
        shown.add_row(*(line(str(text)) for text in texts), line(answer_text(page), style))
    console().print(
        line(f"{content['policy']}, declared at {content['declaredTime']}, nobody acknowledges", "bold")
    )
    console().print(shown)
    if content["exhaustedTime"]:
        text = f"exhausted at {content['exhaustedTime']}; from then on the last resort, every 15 minutes"
        console().print(line(text))
