"""Runs another runbook, by a RunbookRun that the account of this one creates: the API server has its say."""

import json
from dataclasses import replace
from typing import Any

from watchbill.api.group import API_VERSION
from watchbill.api.runbook import Risk, Step
from watchbill.api.runbook_run_status import ENDED
from watchbill.core.digest import digest
from watchbill.core.outcomes import Result
from watchbill.core.steps.answers import NOT_FOUND
from watchbill.core.steps.contract import ApiRequest, Planned, Planning, RunFacts, StepResult, Talk
from watchbill.core.steps.reversing import parsed


class NestedKind:
    """A run within a run; it has its own plan, approvals and limits."""

    name = "runbook"
    risk: Risk = "Low"
    acts = True
    unknown_stops = True

    def plan(self, step: Step, run: RunFacts) -> Planning:
        """The run, as the server would take it: whether the account may run that runbook."""
        body = step.runbook
        assert body is not None
        create = _request("create", run, body=json.dumps(_manifest(step, run), sort_keys=True))
        answer = yield replace(create, dry_run=True)
        what = f"run runbook {body.runbook_ref.name}"
        if not answer.is_ok and answer.result != Result.CONFLICT:
            return Planned(what, denied=answer.message, forbidden=answer.result == Result.AUTH)
        return Planned(what, (create,), tuple(f"{k}: {v}" for k, v in sorted(body.parameters.items())))

    def act(self, step: Step, run: RunFacts, planned: Planned) -> Talk:
        """Create the run; its name is the same for every try, so that there is one."""
        answer = yield planned.requests[0]
        if not answer.is_ok and answer.result != Result.CONFLICT:
            return StepResult(answer.result, message=answer.message, reason=f"HTTP{answer.status}")
        return StepResult(Result.OK, pending=True, handle=run_name(step, run))

    def follow(self, step: Step, run: RunFacts, handle: str) -> Talk:
        """Whether the run has ended, and how."""
        found = yield _request("get", run, handle)
        if found.status == NOT_FOUND:
            return StepResult(
                Result.PERMANENT, reason="RunGone", message=f"somebody deleted the run {handle}"
            )
        if not found.is_ok:
            return StepResult(Result.RETRY, message=found.message)
        thing = parsed(found.body)
        if not _is_own(thing, step, run):
            said = f"a run {handle} is there that is no part of this one"
            return StepResult(Result.PERMANENT, reason="NameTaken", message=said)
        phase = thing.get("status", {}).get("phase", "")
        if phase not in ENDED:
            return StepResult(Result.OK, pending=True, handle=handle)
        said = f"run {handle} ended {phase}"
        if phase == "Succeeded":
            return StepResult(Result.OK, output=said)
        return StepResult(Result.PERMANENT, reason="RunFailed", message=said)

    def patience(self, step: Step) -> None:
        """The step's own timeout."""


def run_name(step: Step, run: RunFacts) -> str:
    """The name of the run: the same for every try of one step of one run."""
    return f"{run.name[:40].rstrip('-.')}-{digest([run.uid, step.name])[:10]}"


def _is_own(thing: dict[str, Any], step: Step, run: RunFacts) -> bool:
    """Whether the run is the one that was created: the API server let nobody else request it in that name."""
    spec, wanted = thing.get("spec", {}), _manifest(step, run)["spec"]
    return all(spec.get(name, {}) == wanted[name] for name in wanted)


def _request(verb: str, run: RunFacts, name: str = "", body: str = "") -> ApiRequest:
    return ApiRequest(verb, API_VERSION, "RunbookRun", run.namespace, name, body=body)  # type: ignore[arg-type] # a Verb


def _manifest(step: Step, run: RunFacts) -> dict[str, Any]:
    body = step.runbook
    assert body is not None
    spec: dict[str, Any] = {
        "runbookRef": {"name": body.runbook_ref.name},
        "parameters": dict(body.parameters),
        "requestedBy": run.user,
        "parentRef": {"name": run.name},
    }
    if run.incident:
        spec["incidentRef"] = {"name": run.incident}
    return {
        "apiVersion": API_VERSION,
        "kind": "RunbookRun",
        "metadata": {"name": run_name(step, run), "namespace": run.namespace},
        "spec": spec,
    }
