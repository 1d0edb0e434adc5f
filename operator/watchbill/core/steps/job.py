"""Runs a container once, as a Job with a name of its own, so that it is never run twice."""

import base64
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

from watchbill.api.durations import parse_duration
from watchbill.api.runbook import Risk, Step
from watchbill.api.step import EnvVar, Job
from watchbill.core.digest import digest
from watchbill.core.outcomes import Result
from watchbill.core.secret_forms import SHORTEST_SECRET, without
from watchbill.core.steps.answers import NOT_FOUND
from watchbill.core.steps.contract import (
    ApiRequest,
    Planned,
    Planning,
    RunFacts,
    StepResult,
    Talk,
)
from watchbill.core.steps.differences import MASK
from watchbill.core.steps.reversing import parsed

RUN_LABEL = "watchbill.dev/run-uid"
LONGEST = timedelta(minutes=10)
KEPT_FOR = 24 * 3600
"""How many seconds the Job is kept when it is done, for people to look at its pod."""

Json = dict[str, Any]


class JobKind:
    """A Job of one pod that is not tried again."""

    name = "job"
    risk: Risk = "High"
    acts = True
    unknown_stops = True

    def plan(self, step: Step, run: RunFacts) -> Planning:
        """The Job, as the server would make it; admission has its say."""
        job = _job(step)
        create = _request("create", run, body=json.dumps(_manifest(step, run), sort_keys=True))
        answer = yield replace(create, dry_run=True)
        what = f"run {job.image} as a Job"
        if not answer.is_ok and answer.result != Result.CONFLICT:
            return Planned(what, denied=answer.message, forbidden=answer.result == Result.AUTH)
        return Planned(what, (create,), (f"command: {json.dumps(list(job.command))}",))

    def act(self, step: Step, run: RunFacts, planned: Planned) -> Talk:
        """Make the Job; one that is there already is this run's own, or another's and in the way."""
        (create,) = planned.requests
        answer = yield create
        name = job_name(step, run)
        if answer.result == Result.CONFLICT:
            found = yield _request("get", run, name)
            if not found.is_ok or not _is_own(parsed(found.body), step, run):
                return StepResult(
                    Result.PERMANENT, reason="NameTaken", message=f"a Job {name} is there already"
                )
        elif not answer.is_ok:
            return StepResult(answer.result, message=answer.message, reason=f"HTTP{answer.status}")
        return StepResult(Result.OK, pending=True, handle=name)

    def follow(self, step: Step, run: RunFacts, handle: str) -> Talk:
        """Whether the Job is done, with the end of its log."""
        found = yield _request("get", run, handle)
        if found.status == NOT_FOUND:
            return StepResult(
                Result.PERMANENT, reason="JobGone", message=f"somebody deleted the Job {handle}"
            )
        if not found.is_ok:
            return StepResult(Result.RETRY, message=found.message)
        conditions = parsed(found.body).get("status", {}).get("conditions") or []
        ended = {each["type"]: each for each in conditions if each.get("status") == "True"}
        if not ended.keys() & {"Complete", "Failed"}:
            return StepResult(Result.OK, pending=True, handle=handle)
        output = yield from _without_secrets((yield from _log(run, handle)), _job(step), run)
        if "Complete" in ended:
            return StepResult(Result.OK, output=output)
        said = ended["Failed"].get("message", "")
        return StepResult(Result.PERMANENT, reason="JobFailed", message=said, output=output)

    def patience(self, step: Step) -> None:
        """The step's own timeout."""


def _is_own(found: Json, step: Step, run: RunFacts) -> bool:
    """Whether the Job is the one that the step makes."""
    wanted = _manifest(step, run)["spec"]["template"]["spec"]
    pod = found.get("spec", {}).get("template", {}).get("spec", {})
    (container,), own = wanted["containers"], (pod.get("containers") or [{}])[0]
    same = all(own.get(name) == container.get(name) for name in ("image", "command"))
    labels = found.get("metadata", {}).get("labels") or {}
    return (
        labels.get(RUN_LABEL) == run.uid
        and same
        and pod.get("serviceAccountName") == wanted["serviceAccountName"]
    )


def job_name(step: Step, run: RunFacts) -> str:
    """The name of the Job: the same for every try of one step of one run."""
    return f"{run.name[:40].rstrip('-.')}-{digest([run.uid, step.name])[:10]}"


def _job(step: Step) -> Job:
    assert step.job is not None
    return step.job


def _request(verb: str, run: RunFacts, name: str = "", body: str = "") -> ApiRequest:
    return ApiRequest(verb, "batch/v1", "Job", run.namespace, name, body=body)  # type: ignore[arg-type] # a Verb


def _log(run: RunFacts, handle: str) -> "Any":
    """The log of the Job's pod; empty where the account may not read it."""
    pods = yield ApiRequest(
        "list", "v1", "Pod", run.namespace, selector=f"batch.kubernetes.io/job-name={handle}"
    )
    items = parsed(pods.body).get("items") or []
    if not items:
        return ""
    name = items[-1]["metadata"]["name"]
    answer = yield ApiRequest("get", "v1", "Pod", run.namespace, name, subresource="log")
    return answer.text if answer.is_ok else ""


def _without_secrets(text: str, job: Job, run: RunFacts) -> "Any":
    """The log without the Secrets of the environment: who may read a run may not for that reason read them.

    Where the account may not either, nobody can tell what to mask, and nothing is shown.
    """
    refs = [each.value_secret_ref for each in job.env if each.value_secret_ref is not None]
    if not text or not refs:
        return text
    values = []
    for ref in refs:
        found = yield ApiRequest("get", "v1", "Secret", run.namespace, ref.name)
        if not found.is_ok:
            return f"the log is not shown: let the account `get` Secret {ref.name}, so that it can be masked"
        values.append(_decoded(parsed(found.body).get("data", {}).get(ref.key, "")))
    lines = (line for value in values for line in (value, *value.splitlines()))
    return without(text, (each.strip() for each in lines if len(each.strip()) >= SHORTEST_SECRET), MASK)


def _decoded(value: str) -> str:
    return base64.b64decode(value).decode(errors="replace")


def _manifest(step: Step, run: RunFacts) -> Json:
    job, name = _job(step), job_name(step, run)
    labels = {RUN_LABEL: run.uid}
    timeout = parse_duration(step.timeout) if step.timeout else LONGEST
    container = {"name": "step", "image": job.image, "env": [_variable(each) for each in job.env]}
    if job.command:
        container["command"] = list(job.command)
    pod = {
        "serviceAccountName": run.account,
        "restartPolicy": "Never",
        "containers": [container],
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": run.namespace, "labels": labels},
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": max(1, int(timeout.total_seconds())),
            "ttlSecondsAfterFinished": KEPT_FOR,
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def _variable(variable: EnvVar) -> Json:
    secret = variable.value_secret_ref
    if secret is None:
        return {"name": variable.name, "value": variable.value or ""}
    return {"name": variable.name, "valueFrom": {"secretKeyRef": {"name": secret.name, "key": secret.key}}}
