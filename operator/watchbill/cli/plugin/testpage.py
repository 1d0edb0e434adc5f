"""`test-page`: a real page that says that nothing is wrong, and shows whether it gets through."""

import sys
from functools import partial
from typing import Annotated

import typer

from watchbill.api.group import TEST_PAGE_LABEL
from watchbill.cli.plugin.acting import line_of, report
from watchbill.cli.plugin.declare import OVER
from watchbill.cli.plugin.failure import ExitCode, Failed
from watchbill.cli.plugin.kubectl import INCIDENTS, Kubectl
from watchbill.cli.plugin.matrix import severities
from watchbill.cli.plugin.options import OutputOption, asked
from watchbill.cli.plugin.signals import interruptible, undisturbed
from watchbill.cli.plugin.trial import Say, Trial, ended, incident

commands = typer.Typer(add_completion=False, rich_markup_mode=None)


@commands.command("test-page")
def page_for_test(
    context: typer.Context,
    severity: Annotated[
        str | None, typer.Option("--severity", "-s", help="Else the class's least severe.")
    ] = None,
    class_: Annotated[
        str | None, typer.Option("--class", help="The IncidentClass; else the default.")
    ] = None,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait until a page is accepted.")] = 25,
    ring: Annotated[float, typer.Option(min=0, help="Seconds that the page then stays open.")] = 15,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing: it pages somebody.")] = False,
    output: OutputOption = None,
) -> None:
    """Page for real, tell whether that gets through, and end it. Needs the verb resolve.

    The first level alone is paged. Exits 1 where no page gets through.
    """
    if not yes and not can_be_asked():
        raise typer.BadParameter("it pages somebody, and nobody is there to be asked", param_hint="--yes")
    kubectl = asked(context)
    me = kubectl.me()
    if not (kubectl.may("patch") and kubectl.may("resolve")):
        raise Failed(
            f"{me} may not patch and resolve incidents here, and could not end it", ExitCode.FORBIDDEN
        )
    say: Say = partial(typer.echo, err=output is not None)
    chosen = severity or _least(kubectl, class_)
    if not yes:
        question = f"This pages for real whoever is on call for {chosen}. Go on?"
        typer.confirm(question, err=True, abort=True)
    for name in _left_open(kubectl, me):
        say(f"{line_of(*ended(kubectl, name))}: an earlier test had left it open")
    trial = Trial(kubectl, incident(me, chosen, class_), say)
    with interruptible():
        try:
            proof = trial.carried_out(wait, ring)
        except KeyboardInterrupt as error:
            raise typer.Exit(ExitCode.INTERRUPTED) from error
        finally:
            with undisturbed():
                content = trial.ended()
                if content is not None:
                    report(context, *content, output)
    for problem in proof.problems():
        typer.echo(problem, err=True)
    if proof.problems():
        raise typer.Exit(ExitCode.REFUSED)


def can_be_asked() -> bool:
    """Whether a person is there to answer."""
    return sys.stdin.isatty()


def _least(kubectl: Kubectl, class_: str | None) -> str:
    """The least severe row of the class; raises Failed where that cannot be read."""
    rows = severities(kubectl, class_)
    if not rows:
        class_name = f"IncidentClass {class_}" if class_ else "a default IncidentClass"
        raise Failed(f"{class_name} is not to be seen here: name the severity with --severity")
    return rows[-1]


def _left_open(kubectl: Kubectl, me: str) -> list[str]:
    """The names of this person's earlier test pages that somebody killed before they were ended."""
    found = kubectl.read("get", INCIDENTS, f"--selector={TEST_PAGE_LABEL}=true")["items"]
    return [
        str(each["metadata"]["name"])
        for each in found
        if each["spec"].get("setBy", {}).get("declaration") == me
        and (each.get("status") or {}).get("phase") not in OVER
        and each["spec"].get("state") != "Cancelled"
    ]
