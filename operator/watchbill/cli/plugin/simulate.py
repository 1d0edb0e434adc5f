"""`simulate`: who would be paged by a policy, how and when, if nobody answered; no cluster is asked."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from watchbill.api.connection import AllowedNamespaces, Connection
from watchbill.api.escalation_policy import EscalationPolicy
from watchbill.api.incident import Incident
from watchbill.api.incident_class import IncidentClass
from watchbill.api.model import format_time
from watchbill.cli.links import World, world_of
from watchbill.cli.manifests import files_in, read_manifests
from watchbill.cli.plugin.failure import ExitCode, Invalid
from watchbill.cli.plugin.options import Output, as_data, print_object
from watchbill.cli.plugin.paging import LEVELS, span
from watchbill.cli.plugin.walk import Sending, Walk, walked
from watchbill.core.digest import digest
from watchbill.core.effects import ConnectionKey
from watchbill.core.observation import ConnectionFacts, Observation
from watchbill.core.plan import LAST_RESORT
from watchbill.core.references import references
from watchbill.providers.facts import facts_of
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

    Exits 1 where a level reaches nobody, and names it.
    """
    shape = as_data(output)
    start = moment_of(at, datetime.now(UTC))
    found = world_of([each for file in files_in(policy) for each in read_manifests(file)[0]], namespace)
    chosen = the_policy(found, name)
    home = chosen.metadata.namespace or namespace
    keys = frozenset(key_of(each, home) for each in down or [])
    observation = observed(chosen, found, start)
    if unknown := keys - observation.connections.keys():
        raise Invalid(f"the policy names no connection {'/'.join(min(unknown))}")
    walk = walked(observation, start, keys)
    content = described(walk, chosen, found, start)
    if shape is not None:
        print_object(content, shape)
    else:
        _print(content)
    for gap in content["gaps"]:
        typer.echo(gap, err=True)
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


def observed(policy: EscalationPolicy, world: World, start: datetime) -> Observation:
    """What the operator would see of an incident of the policy's namespace that is declared now."""
    home = policy.metadata.namespace or ""
    row = {"name": "SEV-1", "rank": 1, "escalation": {"policyName": policy.metadata.name}}
    default = {"policyRef": {"name": policy.metadata.name, "namespace": home}}
    spec = {"severities": [row], "defaultEscalation": default}
    metadata = {"name": "simulated", "namespace": home, "uid": "simulated", "creationTimestamp": start}
    return Observation(
        incident=Incident.model_validate(
            {"metadata": metadata | {"generation": 1}, "spec": {"title": "Simulated", "severity": "SEV-1"}}
        ),
        incident_class=IncidentClass.model_validate({"metadata": {"name": "simulated"}, "spec": spec}),
        policies={policy.metadata.name: policy},
        connections={
            ConnectionKey(each.namespace, each.name): _facts(world, each.namespace, each.name)
            for each in references(policy)
            if each.kind == "Connection"
        },
        holder="simulation",
    )


def _facts(world: World, namespace: str, name: str) -> ConnectionFacts:
    # The key of a page holds the connection's UID, which a file does not know.
    uid = digest([namespace, name])
    found = world.models.get(("Connection", namespace, name))
    if not isinstance(found, Connection):
        return ConnectionFacts(uid=uid, allowed_namespaces=AllowedNamespaces(from_="All"))
    metadata = found.metadata.model_copy(update={"uid": uid})
    return facts_of(found.model_copy(update={"metadata": metadata}))


def described(walk: Walk, policy: EscalationPolicy, world: World, start: datetime) -> dict[str, Any]:
    """The walk as data; times are RFC 3339, and `after` is the time since the declaration."""

    def of(each: Sending) -> dict[str, Any]:
        found = world.connections.get(each.connection)
        return {
            "time": format_time(each.time),
            "after": span(each.time - start),
            "round": each.round,
            "level": each.level,
            "connection": "/".join(each.connection),
            "by": found.vendor if found else ASSUMED,
            "accepted": each.accepted,
            "real": found is None or PROVIDERS[found.vendor].real,
        }

    end = walk.exhausted_time
    levels = [*(level.name for level in policy.spec.levels), LAST_RESORT]
    return {
        "policy": f"{policy.metadata.namespace}/{policy.metadata.name}",
        "declaredTime": format_time(start),
        "pages": [of(each) for each in walk.sendings],
        "gaps": [f"{_titled(level)}: {gap}" for level in levels if (gap := walk.gap(level))],
        "exhaustedTime": format_time(end) if end else None,
    }


def _titled(level: str) -> str:
    return LEVELS.get(level, f"level {level}")


def _print(content: dict[str, Any]) -> None:
    from rich.table import Table  # noqa: PLC0415 - a program that asks for JSON needs no rich

    from watchbill.cli.plugin.tree import console, line  # noqa: PLC0415 - see above

    shown = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("AFTER", "TIME", "ROUND", "LEVEL", "CONNECTION", "BY", "ANSWER"):
        shown.add_column(heading)
    for page in content["pages"]:
        level = LEVELS.get(page["level"], page["level"])
        accepted = line("accepted", "green") if page["real"] else line("accepted, wakes nobody", "yellow")
        answer = accepted if page["accepted"] else line("does not answer", "bold red")
        texts = (page["after"], page["time"], page["round"], level, page["connection"], page["by"])
        shown.add_row(*(line(str(text)) for text in texts), answer)
    console().print(
        line(f"{content['policy']}, declared at {content['declaredTime']}, nobody acknowledges", "bold")
    )
    console().print(shown)
    if content["exhaustedTime"]:
        text = f"exhausted at {content['exhaustedTime']}; from then on the last resort, every 15 minutes"
        console().print(line(text))
