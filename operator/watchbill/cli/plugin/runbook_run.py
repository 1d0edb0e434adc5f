"""`runbook run`: one execution of a runbook, requested by whoever types it."""

import hashlib
import json
from collections.abc import Callable
from typing import Annotated

import typer

from watchbill.api.group import API_VERSION
from watchbill.cli.plugin.acting import UNCHANGED, report
from watchbill.cli.plugin.failure import Exists, ExitCode, Failed
from watchbill.cli.plugin.kubectl import RUNBOOKS, RUNS, Json, Kubectl
from watchbill.cli.plugin.options import OutputOption, asked
from watchbill.cli.plugin.runs import ENDED, command, phase_of, progress_line, status_of, wants_approval

commands = typer.Typer(add_completion=False, rich_markup_mode=None)

NAME_ROOM = 48
"""The characters of a runbook's name in that of its run, which has 63."""

TRIES = 20
"""Of names: more than there are persons who run the same runbook at the same moment."""

ASKED = ("runbookRef", "incidentRef", "parameters", "dryRun", "requestedBy", "reason")
"""What makes one request the same as another."""

Runbook = Annotated[str, typer.Argument(metavar="RUNBOOK", help="The runbook.", show_default=False)]
Param = Annotated[
    list[str] | None, typer.Option("--param", "-p", metavar="NAME=VALUE", help="A parameter; repeatable.")
]
Incident = Annotated[str | None, typer.Option(help="The incident that it is run for.")]


@commands.command()
def run(
    context: typer.Context,
    name: Runbook,
    incident: Incident = None,
    param: Param = None,
    reason: Annotated[str | None, typer.Option("--reason", "-m", help="Why.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only plan it: nothing is changed.")] = False,
    wait: Annotated[
        bool, typer.Option("--wait", "--watch", "-w", help="Stay until it has ended, and say how far it is.")
    ] = False,
    output: OutputOption = None,
) -> None:
    """Run a runbook. Needs create on runbookruns, and the verb run on the runbook.

    With --wait it exits 1 where the run does not succeed.
    """
    kubectl = asked(context)
    me = kubectl.me()
    spec = specification(name, me, given(param), incident) | ({"dryRun": True} if dry_run else {})
    found, is_new = requested(kubectl, spec | ({"reason": reason} if reason else {}))
    text = f"requested by {me}" if is_new else f"{UNCHANGED}: {me} has requested it, and it has not ended"
    report(context, found, text, output)
    if wait:
        _waited(kubectl, found, lambda line: typer.echo(line, err=output is not None))
    elif output is None:
        typer.echo(f"next: {command(kubectl, 'plan', found['metadata']['name'])}")


def given(params: list[str] | None) -> dict[str, str]:
    """The parameters by name; raises BadParameter where one is no `NAME=VALUE`."""
    found: dict[str, str] = {}
    for each in params or []:
        name, sign, value = each.partition("=")
        if not (name and sign):
            raise typer.BadParameter(f"{each!r} is no NAME=VALUE", param_hint="--param")
        found[name] = value
    return found


def specification(book: str, me: str, parameters: dict[str, str], incident: str | None) -> Json:
    """The spec of a run that this person requests."""
    spec: Json = {"runbookRef": {"name": book}, "requestedBy": me}
    spec |= {"parameters": parameters} if parameters else {}
    return spec | ({"incidentRef": {"name": incident}} if incident else {})


def requested(kubectl: Kubectl, spec: Json) -> tuple[Json, bool]:
    """The run, and whether it is new: one that was requested just so and goes on is the same.

    Raises Failed.
    """
    book = spec["runbookRef"]["name"]
    _allowed(lambda: kubectl.read("get", RUNBOOKS, book))
    selector = f"--field-selector=spec.runbookRef.name={book}"
    known: list[Json] = (_allowed(lambda: kubectl.read("get", RUNS, selector)) or {}).get("items", [])
    if (same := next((each for each in known if _is_same(each, spec)), None)) is not None:
        return same, False
    for number in range(len(known), len(known) + TRIES):
        metadata = {"name": name_of(spec, number)}
        content = {"apiVersion": API_VERSION, "kind": "RunbookRun", "metadata": metadata, "spec": spec}
        try:
            return kubectl.created(content), True
        except Exists:
            there = kubectl.read("get", RUNS, metadata["name"])
            if _is_same(there, spec):
                return there, False
    raise Failed(f"{TRIES} runs have names like this: delete some of those that have ended")


def name_of(spec: Json, number: int) -> str:
    """The name of the run after so many others: two commands at once request it once."""
    content = json.dumps([spec, number], sort_keys=True)
    stem = spec["runbookRef"]["name"][:NAME_ROOM].rstrip("-.")
    return f"{stem}-{hashlib.sha256(content.encode()).hexdigest()[:10]}"


def _is_same(run: Json, spec: Json) -> bool:
    asked_for = [run["spec"].get(field) or None for field in ASKED]
    return phase_of(run) not in ENDED and asked_for == [spec.get(field) for field in ASKED]


def _allowed(read: Callable[[], Json]) -> Json | None:
    """What is read; None where this person may not: who may run a runbook need not see it."""
    try:
        return read()
    except Failed as error:
        if error.code is not ExitCode.FORBIDDEN:
            raise
        return None


def _waited(kubectl: Kubectl, run: Json, say: Callable[[str], None]) -> None:
    """Say how far the run is whenever that changes; raises Failed where it ends without success."""
    name = run["metadata"]["name"]
    try:
        end = _followed(kubectl, name, say)
    except KeyboardInterrupt as error:
        raise typer.Exit(ExitCode.INTERRUPTED) from error
    if phase_of(end) != "Succeeded":
        raise Failed(
            f"run {name} has not succeeded: {status_of(end).get('stoppedMessage') or 'see its plan'}"
        )


def _followed(kubectl: Kubectl, name: str, say: Callable[[str], None]) -> Json:
    """The run once it has ended; the server ends a watch now and then."""
    said = ""
    while True:
        for version in kubectl.versions(name, RUNS):
            if (line := progress_line(version)) != said:
                said = line
                say(line)
                if phase_of(version) == "AwaitingApproval" and wants_approval(version):
                    say(f"next, by somebody else: {command(kubectl, 'approve', name)}")
            if phase_of(version) in ENDED:
                return version
