"""`runbook`: the runbooks of a namespace, and the commands that run them."""

from typing import Annotated, Any

import typer

from watchbill.cli.plugin import runbook_plan, runbook_run, runbook_say
from watchbill.cli.plugin.failure import Failed
from watchbill.cli.plugin.kubectl import RUNBOOKS, RUNS, Json, Kubectl
from watchbill.cli.plugin.oncall import ready, verdict
from watchbill.cli.plugin.options import Output, OutputOption, as_data, asked, print_object
from watchbill.cli.plugin.runs import phase_of, risk_of

commands = typer.Typer(add_completion=False, rich_markup_mode=None)
runbook = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)
commands.add_typer(runbook, name="runbook", help="Run reviewed runbooks, and see what they would do.")

HEADINGS = ("NAME", "START", "RISK", "READY", "LAST RUN", "TITLE")


@runbook.command("list")
def list_(
    context: typer.Context,
    everywhere: Annotated[bool, typer.Option("--all-namespaces", "-A", help="Of every namespace.")] = False,
    selector: Annotated[str | None, typer.Option("--selector", "-l", help="By labels.")] = None,
    output: OutputOption = None,
) -> None:
    """List runbooks: how they start, their risk, whether they are Ready, and how the last run ended."""
    kubectl = asked(context)
    place = ["--all-namespaces"] if everywhere else []
    words = [*place, *([f"--selector={selector}"] if selector else [])]
    if output in (Output.WIDE, Output.NAME):
        typer.echo(kubectl("get", RUNBOOKS, *words, f"--output={output.value}"), nl=False)
        return
    shape = as_data(output)
    books = kubectl.read("get", RUNBOOKS, *words)["items"]
    runs = _runs(kubectl, place)
    found = [described(each, runs) for each in books]
    if shape is not None:
        print_object({"runbooks": found}, shape)
    elif found:
        _print(found, everywhere)
    else:
        typer.echo("No runbooks found.", err=True)


for part in (runbook_run, runbook_plan, runbook_say):
    runbook.add_typer(part.commands)


def _runs(kubectl: Kubectl, place: list[str]) -> list[Json]:
    """All runs, the newest first; none where this person may not look at them."""
    try:
        items = kubectl.read("get", RUNS, *place)["items"]
    except Failed:
        return []
    return sorted(items, key=lambda each: str(each["metadata"]["creationTimestamp"]), reverse=True)


def described(book: Json, runs: list[Json]) -> dict[str, Any]:
    """A runbook in short, with the newest of these runs that is one of it."""
    spec, metadata = book["spec"], book["metadata"]
    home = metadata["namespace"]
    last = next((each for each in runs if _is_of(each, home, metadata["name"])), None)
    return {
        "namespace": home,
        "name": metadata["name"],
        "title": spec["title"],
        "start": spec.get("start", "Manual"),
        "risk": risk_of(book),
        "ready": ready(book),
        "lastRun": None
        if last is None
        else {
            "name": last["metadata"]["name"],
            "phase": phase_of(last),
            "createdTime": last["metadata"]["creationTimestamp"],
        },
    }


def _is_of(run: Json, namespace: str, book: str) -> bool:
    return bool(run["metadata"]["namespace"] == namespace and run["spec"]["runbookRef"]["name"] == book)


def _print(found: list[dict[str, Any]], with_namespace: bool) -> None:
    from rich.table import Table  # noqa: PLC0415 - a program that asks for JSON needs no rich

    from watchbill.cli.plugin.tree import console, line  # noqa: PLC0415 - see above

    shown = Table(box=None, pad_edge=False, header_style="bold")
    for heading in (*(("NAMESPACE",) if with_namespace else ()), *HEADINGS):
        shown.add_column(heading, overflow="ellipsis" if heading == "TITLE" else "fold")
    for book in found:
        state, last = verdict(book["ready"]), book["lastRun"]
        cells = [
            *([line(book["namespace"])] if with_namespace else []),
            *(line(book[key]) for key in ("name", "start", "risk")),
            line(state, "green" if state == "True" else "bold red"),
            line(f"{last['phase']} {last['createdTime']}" if last else "-"),
            line(book["title"]),
        ]
        shown.add_row(*cells)
    console().print(shown)
    for book in found:
        if verdict(book["ready"]) != "True":
            told = f"Runbook {book['namespace']}/{book['name']}: {book['ready']['message']}"
            console().print(line(told, "bold red"))
