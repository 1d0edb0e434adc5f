"""`runbook approve`, `reject` and `cancel`: what people say of a run, each under their own name."""

from typing import Annotated, Literal

import typer

from watchbill.cli.plugin.acting import acted, report
from watchbill.cli.plugin.failure import Failed
from watchbill.cli.plugin.kubectl import RUNS, Json, Kubectl
from watchbill.cli.plugin.options import OutputOption, asked
from watchbill.cli.plugin.runbook_plan import show
from watchbill.cli.plugin.runs import ENDED, command, phase_of, plan_of, problem_of
from watchbill.cli.plugin.seen import Seen
from watchbill.cli.plugin.testpage import can_be_asked
from watchbill.cli.plugin.wishes import Change, Wish

commands = typer.Typer(add_completion=False, rich_markup_mode=None)

Run = Annotated[str, typer.Argument(metavar="RUN", help="The run.", show_default=False)]
Reason = Annotated[str | None, typer.Option("--reason", "-m", help="Why.")]
Hash = Annotated[
    str | None, typer.Option("--plan", metavar="HASH", help="The plan that you have seen; ask nothing.")
]
Decision = Literal["Approved", "Rejected"]


@commands.command()
def approve(
    context: typer.Context,
    name: Run,
    step: Annotated[list[str] | None, typer.Option(help="Only this step; repeatable.")] = None,
    reason: Reason = None,
    plan: Hash = None,
    output: OutputOption = None,
) -> None:
    """Approve the plan of somebody else's run, which is shown. Needs the verb approve on the runbook.

    Another plan than the one that was shown is not approved: it exits 1.
    """
    kubectl = asked(context)
    run = _seen(kubectl, name, plan)
    shown = str((plan_of(run) or {})["hash"])
    if unknown := set(step or ()) - {each["name"] for each in (plan_of(run) or {}).get("steps") or []}:
        raise typer.BadParameter(f"the plan has no step {sorted(unknown)[0]}", param_hint="--step")
    if plan is None:
        if not can_be_asked():
            raise typer.BadParameter("nobody is there to be asked: name the plan", param_hint="--plan")
        show(run, err=output is not None)
        typer.confirm(f"Approve {_what(step)}?", err=True, abort=True)
    wish = said_of(kubectl, shown, "Approved", step, reason)
    content, text = acted(kubectl, name, wish, "approved", RUNS)
    report(context, content, f"{text}: {_what(step)} of plan {shown}", output)


@commands.command()
def reject(
    context: typer.Context, name: Run, reason: Reason = None, plan: Hash = None, output: OutputOption = None
) -> None:
    """Reject the plan of a run: no step starts any more. Needs the verb approve on the runbook."""
    kubectl = asked(context)
    shown = str((plan_of(_seen(kubectl, name, plan)) or {})["hash"])
    wish = said_of(kubectl, shown, "Rejected", None, reason)
    content, text = acted(kubectl, name, wish, "rejected", RUNS)
    report(context, content, f"{text}: plan {shown}", output)


@commands.command()
def cancel(context: typer.Context, name: Run, reason: Reason = None, output: OutputOption = None) -> None:
    """Call a run off: no further step starts, and what was done stays. Needs the verb run or approve."""
    content, text = acted(asked(context), name, called_off(reason), "called off", RUNS)
    report(context, content, text, output)


def said_of(
    kubectl: Kubectl, plan: str, decision: Decision, steps: list[str] | None, note: str | None
) -> Wish:
    """The wish that a person's word on this plan stands in the run; it raises Failed for another plan."""
    entry: Json = {"planHash": plan, "decision": decision, "steps": steps or None, "note": note}

    def wish(seen: Seen) -> Change | str:
        before = (seen.spec.get("approvals") or {}).get(seen.me)
        if before is not None and {key: before.get(key) for key in entry} == entry:
            return f"{seen.me} has said so"
        if phase_of(seen.content) in ENDED:
            raise Failed(f"run {seen.name} has ended: it is {phase_of(seen.content)}")
        _check(kubectl, seen.content, plan)
        return {"approvals": {seen.me: entry}}

    return wish


def called_off(reason: str | None) -> Wish:
    """The wish that no further step of a run starts."""

    def wish(seen: Seen) -> Change | str:
        if phase_of(seen.content) in ENDED:
            return f"it is {phase_of(seen.content)}"
        if seen.me in (seen.spec.get("cancelledBy") or {}):
            return f"{seen.me} has called it off"
        return {"cancelledBy": {seen.me: {"reason": reason} if reason else {}}}

    return wish


def _seen(kubectl: Kubectl, name: str, plan: str | None) -> Json:
    """The run as it is, which has a plan: this one, where one is named; raises Failed."""
    run = kubectl.read("get", RUNS, name)
    if plan_of(run) is None:
        raise Failed(f"run {name}: {problem_of(run)}")
    if plan is not None:
        _check(kubectl, run, plan)
    return run


def _check(kubectl: Kubectl, run: Json, plan: str) -> None:
    """Raises Failed where the run has another plan than this one."""
    now = (plan_of(run) or {}).get("hash")
    if now != plan:
        look = command(kubectl, "plan", run["metadata"]["name"])
        raise Failed(f"the plan has changed since it was shown: it is {now} now. Look at it: {look}")


def _what(steps: list[str] | None) -> str:
    return f"step {', '.join(steps)}" if steps else "every step"
