"""`runbook plan`: what a run would do, as the API server foretells it, and what refuses it."""

import shlex
import time
from typing import Annotated

import typer

from watchbill.cli.plugin.failure import ExitCode, Failed
from watchbill.cli.plugin.kubectl import RUNBOOKS, RUNS, Json, Kubectl
from watchbill.cli.plugin.options import OutputOption, as_data, asked, print_object
from watchbill.cli.plugin.runbook_run import Incident, Param, given, requested, specification
from watchbill.cli.plugin.runs import (
    command,
    is_planned,
    phase_of,
    plan_lines,
    plan_of,
    problem_of,
    refused,
    wants_approval,
)

commands = typer.Typer(add_completion=False, rich_markup_mode=None)

POLL_SECONDS = 0.25
BOOKS = ("runbook", "runbooks", RUNBOOKS)
RUNS_OF = ("runbookrun", "runbookruns", "rbrun", RUNS)


@commands.command()
def plan(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="RUN|RUNBOOK", help="A run, else a runbook, which is run dry.")
    ],
    incident: Incident = None,
    param: Param = None,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for the plan.")] = 30,
    output: OutputOption = None,
) -> None:
    """Show what a run, or a new one of a runbook, would do. Exits 1 where something is refused.

    `runbook/NAME` and `runbookrun/NAME` say which is meant.
    """
    shape = as_data(output, "a plan is a part of a run")
    kubectl = asked(context)
    run = planned(kubectl, _run(kubectl, name, given(param), incident), wait)
    content = plan_of(run)
    if content is None:
        raise Failed(f"run {run['metadata']['name']}: {problem_of(run)}")
    if shape is not None:
        shown = {"run": run["metadata"]["name"], "runbook": run["spec"]["runbookRef"]["name"]}
        print_object(shown | {"phase": phase_of(run), "plan": content}, shape)
    else:
        show(run)
        typer.echo(_next(kubectl, run))
    if refused(run):
        raise typer.Exit(ExitCode.REFUSED)


def show(run: Json, err: bool = False) -> None:
    """Print the plan of a run for a person; what others wrote cannot steer the terminal."""
    from watchbill.cli.plugin.tree import plain  # noqa: PLC0415 - a program that asks for JSON needs no rich

    for line in plan_lines(run):
        typer.echo(plain(line), err=err)


def planned(kubectl: Kubectl, run: Json, wait: float) -> Json:
    """The run once it is known what it would do, or that it has no plan, or after so many seconds."""
    end = time.monotonic() + wait
    while not is_planned(run) and time.monotonic() < end:
        time.sleep(POLL_SECONDS)
        run = kubectl.read("get", RUNS, run["metadata"]["name"])
    return run


def _run(kubectl: Kubectl, name: str, parameters: dict[str, str], incident: str | None) -> Json:
    """The run that is named, else a dry run of the runbook of that name; raises Failed."""
    kind, _, bare = name.rpartition("/")
    if kind and kind not in (*BOOKS, *RUNS_OF):
        raise typer.BadParameter(f"{kind} is neither runbook nor runbookrun", param_hint="RUN|RUNBOOK")
    if kind in RUNS_OF and (parameters or incident):
        raise typer.BadParameter("those of a run never change: request another", param_hint="--param")
    if not (kind in BOOKS or parameters or incident):
        try:
            return kubectl.read("get", RUNS, bare)
        except Failed as error:
            if kind or error.code is not ExitCode.NOT_FOUND:
                raise
    spec = specification(bare, kubectl.me(), parameters, incident)
    return requested(kubectl, spec | {"dryRun": True})[0]


def _next(kubectl: Kubectl, run: Json) -> str:
    """What to type next."""
    spec, name = run["spec"], run["metadata"]["name"]
    if spec.get("dryRun"):
        words = [f"--param={key}={value}" for key, value in (spec.get("parameters") or {}).items()]
        words += [f"--incident={spec['incidentRef']['name']}"] if spec.get("incidentRef") else []
        return f"next: {command(kubectl, 'run', spec['runbookRef']['name'], *map(shlex.quote, words))}"
    if wants_approval(run):
        hash_ = (plan_of(run) or {}).get("hash", "")
        return f"next, by somebody else: {command(kubectl, 'approve', name, f'--plan={hash_}')}"
    return f"it is {phase_of(run)}"
