"""`oncall`: who would be paged right now, level by level, by the policies as the operator sees them."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from watchbill.api.reasons import Reason
from watchbill.cli.plugin.failure import Failed
from watchbill.cli.plugin.kubectl import CONNECTIONS, POLICIES, Json, Kubectl
from watchbill.cli.plugin.options import Output, OutputOption, as_data, asked, print_object
from watchbill.cli.plugin.paging import LEVELS, how_text

commands = typer.Typer(add_completion=False, rich_markup_mode=None)

UNSEEN = {
    "status": "Unknown",
    "reason": "NotSeen",
    "message": "the operator has not looked at this version yet",
}


@commands.command()
def oncall(
    context: typer.Context,
    policy: Annotated[str | None, typer.Argument(metavar="POLICY", help="The policy; else all.")] = None,
    everywhere: Annotated[bool, typer.Option("--all-namespaces", "-A", help="Of every namespace.")] = False,
    output: OutputOption = None,
) -> None:
    """Tell who would be paged right now at each level, how, and what is not Ready."""
    if policy and everywhere:
        raise typer.BadParameter("a policy is of one namespace", param_hint="--all-namespaces")
    kubectl = asked(context)
    words = [*([policy] if policy else []), *(["--all-namespaces"] if everywhere else [])]
    if output in (Output.WIDE, Output.NAME):
        typer.echo(kubectl("get", POLICIES, *words, f"--output={output.value}"), nl=False)
        return
    shape = as_data(output)
    found = kubectl.read("get", POLICIES, *words)
    connections = _connections(kubectl, everywhere)
    policies = [described(each, connections) for each in ([found] if policy else found["items"])]
    if shape is not None:
        print_object({"policies": policies}, shape)
    elif policies:
        _print(policies, everywhere)
    else:
        typer.echo("No escalation policies found.", err=True)


def _connections(kubectl: Kubectl, everywhere: bool) -> dict[str, Json]:
    """Ready of each connection, by namespace/name; none where this person may not look at them."""
    try:
        items = kubectl.read("get", CONNECTIONS, *(["--all-namespaces"] if everywhere else []))["items"]
    except Failed:
        return {}
    return {place(each): ready(each) for each in items}


def described(policy: Json, connections: dict[str, Json]) -> dict[str, Any]:
    """The levels of a policy as an incident opens them now, each with who is paged and how."""
    seen = (policy.get("status") or {}).get("preview") or []
    names = [*(level["name"] for level in policy["spec"]["levels"]), "lastResort"]
    return {
        "namespace": policy["metadata"]["namespace"],
        "policy": policy["metadata"]["name"],
        "ready": ready(policy),
        "levels": [
            _level(name, [page for page in seen if (page["level"], page["round"]) == (name, 1)], connections)
            for name in names
        ],
    }


def _level(name: str, pages: list[Json], connections: dict[str, Json]) -> dict[str, Any]:
    def way(hop: Json) -> Json:
        known = connections.get(hop["connection"])
        return hop | ({"ready": known} if known else {})

    told = [{"who": page["who"], "how": [way(hop) for hop in page["how"]]} for page in pages]
    return {"level": name, "after": pages[0]["after"] if pages else None, "pages": told}


def ready(content: Json) -> Json:
    """The condition Ready: status, reason and message; Unknown where it is of an older version or absent."""
    status = content.get("status") or {}
    if status.get("observedGeneration", 0) < content["metadata"].get("generation", 1):
        return UNSEEN
    found = next((each for each in status.get("conditions") or [] if each["type"] == "Ready"), UNSEEN)
    return {key: found.get(key, "") for key in UNSEEN}


def place(content: Json) -> str:
    """Where an object is, as namespace/name."""
    return f"{content['metadata']['namespace']}/{content['metadata']['name']}"


def complaints(policies: list[dict[str, Any]]) -> list[str]:
    """What is not Ready and why, each once."""
    return list(dict.fromkeys(text for policy in policies for text in _complaints(policy)))


def verdict(state: Json) -> str:
    """True where an object is Ready and is not suspended, else the reason."""
    is_used = state["status"] == "True" and state["reason"] != Reason.SUSPENDED
    return "True" if is_used else str(state["reason"])


def _complaints(policy: dict[str, Any]) -> Iterator[str]:
    if verdict(policy["ready"]) != "True":
        yield f"EscalationPolicy {policy['namespace']}/{policy['policy']}: {policy['ready']['message']}"
    for level in policy["levels"]:
        for hop in (hop for page in level["pages"] for hop in page["how"]):
            if hop.get("ready", {}).get("status", "True") != "True":
                yield f"Connection {hop['connection']}: {hop['ready']['message']}"


def rows(policy: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """The lines of a policy's table: policy, level, after, who, how, and Ready or the reason why not."""
    own = policy["ready"]
    for level in policy["levels"]:
        head = (policy["policy"], LEVELS.get(level["level"], level["level"]), level["after"] or "-")
        for page in level["pages"]:
            ways = [hop["ready"] for hop in page["how"] if "ready" in hop]
            yield (*head, page["who"], how_text(page), _verdict([own, *ways]))
        if not level["pages"]:
            nobody = "unknown" if own["status"] == "Unknown" else "nobody"
            yield (*head, nobody, "-", _verdict([own]))


def _verdict(states: list[Json]) -> str:
    """True where all are Ready, else the first reason why not."""
    return next((said for said in map(verdict, states) if said != "True"), "True")


def _print(policies: list[dict[str, Any]], with_namespace: bool) -> None:
    from rich.table import Table  # noqa: PLC0415 - a program that asks for JSON needs no rich

    from watchbill.cli.plugin.tree import console, line  # noqa: PLC0415 - see above

    shown = Table(box=None, pad_edge=False, header_style="bold")
    homes = ("NAMESPACE",) if with_namespace else ()
    for heading in (*homes, "POLICY", "LEVEL", "AFTER", "WHO", "HOW", "READY"):
        shown.add_column(heading, overflow="fold")
    for policy in policies:
        home = [line(policy["namespace"])] if with_namespace else []
        for *cells, state in rows(policy):
            style = "green" if state == "True" else "bold red"
            shown.add_row(*home, *map(line, cells), line(state, style))
    console().print(shown)
    for text in complaints(policies):
        console().print(line(text, "bold red"))
