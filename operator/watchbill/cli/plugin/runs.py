"""Runbooks and runs in words. Plain data: an older plugin shows what a newer operator wrote."""

from collections.abc import Iterator

from watchbill.cli.plugin.kubectl import Json, Kubectl

ENDED = ("Succeeded", "Failed", "Undone", "Cancelled")
"""The phases after which nothing of a run changes."""

RISKS = ("ReadOnly", "Low", "High")
MILD = {"manual": "ReadOnly", "check": "ReadOnly", "wait": "ReadOnly", "notify": "Low", "runbook": "Low"}
"""The risk of each kind of step that is not High where a runbook says nothing."""

PASSING = ("NoPlan",)
"""What holds up a run that has no plan, and may well be over in a moment."""


def risk_of(runbook: Json) -> str:
    """The greatest risk of its steps: as each says, else as its kind has; High for a kind nobody knows."""
    found = [_risk(step) for step in runbook["spec"].get("steps") or []]
    return max(found, key=RISKS.index, default=RISKS[0])


def _risk(step: Json) -> str:
    said = step.get("risk") or next((risk for kind, risk in MILD.items() if kind in step), "High")
    return said if said in RISKS else "High"


def status_of(run: Json) -> Json:
    """What is true of the run, as last recorded."""
    return dict(run.get("status") or {})


def phase_of(run: Json) -> str:
    """The phase of the run; Pending where the operator has not looked yet."""
    return str(status_of(run).get("phase") or "Pending")


def plan_of(run: Json) -> Json | None:
    """What the run would do; None where it has no plan."""
    return status_of(run).get("plan")


def is_planned(run: Json) -> bool:
    """Whether the run has its plan, or has none and gets none without somebody doing something."""
    status = status_of(run)
    held_up = phase_of(run) == "Blocked" and status.get("blockedReason") not in PASSING
    return plan_of(run) is not None or held_up or phase_of(run) in ENDED


def problem_of(run: Json) -> str:
    """Why the run has no plan, and what to do, in the operator's words."""
    status = status_of(run)
    said = status.get("blockedMessage") or status.get("stoppedMessage") or status.get("planMessage")
    reason = status.get("blockedReason") or status.get("stoppedReason") or phase_of(run)
    return f"{reason}: {said}" if said else f"it has no plan yet: it is {reason}"


def refused(run: Json) -> list[Json]:
    """The steps of the plan that something refuses."""
    return [step for step in (plan_of(run) or {}).get("steps") or [] if step.get("denied")]


def wants_approval(run: Json) -> bool:
    """Whether somebody has to approve a step of the run before it can go on."""
    steps = (plan_of(run) or {}).get("steps") or []
    return phase_of(run) not in ENDED and any(step.get("approvals") for step in steps)


def plan_lines(run: Json) -> Iterator[str]:
    """What each step would do: its line, each field that changes, what refuses it, and its undo."""
    plan, snapshot = plan_of(run) or {}, status_of(run).get("snapshot") or {}
    book = run["spec"]["runbookRef"]["name"]
    head = f"run {run['metadata']['name']} of runbook {book}, revision {snapshot.get('revision', '?')}"
    yield f"{head}: plan {plan.get('hash', '?')}"
    steps = plan.get("steps") or []
    for number, step in enumerate(steps, 1):
        yield f"{number}/{len(steps)} {step['name']}  {_demand(step)}"
        yield from (f"    {line}" for line in str(step.get("summary") or "").splitlines())
        yield from (f"      {line}" for line in str(step.get("diff") or "").splitlines())
        if step.get("denied"):
            yield f"    REFUSED: {step['denied']}"
        if step.get("undo"):
            yield f"    undo: {step['undo']}"


def _demand(step: Json) -> str:
    """The risk of a step of the plan, and how many must agree: `High, 1 must approve`."""
    count = step.get("approvals", 0)
    return str(step.get("risk", "High")) + (f", {count} must approve" if count else "")


def progress_line(run: Json) -> str:
    """How far the run is, and what it waits for: `AwaitingApproval 1/3: step scale has 0 of 1 approvals`."""
    status, phase = status_of(run), phase_of(run)
    head = " ".join(filter(None, (phase, status.get("progress"))))
    if phase in ENDED:
        said = status.get("stoppedMessage")
    elif status.get("blockedReason"):
        said = f"{status['blockedReason']}: {status.get('blockedMessage', '')}"
    elif phase == "AwaitingApproval":
        said = next(
            (each.get("message") for each in status.get("conditions") or [] if each["type"] == "Approved"), ""
        )
    else:
        steps = status.get("steps") or []
        active = next((each for each in steps if each.get("phase", "Pending") not in DONE), None)
        said = f"step {active['name']} is {active.get('phase', 'Pending')}" if active else ""
    return f"{head}: {said}" if said else head


DONE = ("Succeeded", "Skipped", "Failed", "Unknown", "Undone", "UndoFailed")
"""The phases of a step that has ended."""


def command(kubectl: Kubectl, *words: str) -> str:
    """A command about runbooks as a person types it, in the same place as the one that they typed."""
    return " ".join(("kubectl watchbill runbook", *words, *kubectl.flags))
