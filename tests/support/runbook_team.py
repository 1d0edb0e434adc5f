"""A team on a real API server whose account runbooks act as, and ana, who runs them."""

import json
from typing import Any

from dev.waiting import wait_until
from tests.support.people import Json, Stage
from watchbill.api.group import DEFAULT_OPERATOR_USER
from watchbill.api.runbook_run_status import ENDED

PATIENCE = 30.0
NO_APPROVAL: Json = {"approval": {"count": 0}}
DEPLOYMENT: Json = {
    "replicas": 2,
    "selector": {"matchLabels": {"app": "checkout"}},
    "template": {
        "metadata": {"labels": {"app": "checkout"}},
        "spec": {"containers": [{"name": "web", "image": "registry.example.com/web"}]},
    },
}
TARGET: Json = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "checkout"}


class Team:
    """A team, and ana, who runs its runbooks."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.admin = stage.admin

    def thing(self, plural: str, name: str, version: str = "v1") -> Json:
        """An object as it is."""
        return self.admin.ask("GET", self.admin.path(plural, name, version)).body

    def make(self, plural: str, version: str, body: Json) -> None:
        """Creates an object."""
        answer = self.admin.ask("POST", self.admin.path(plural, version=version), body)
        assert answer.succeeded, answer.message

    def run(self, book: str, *steps: Json, account: str = "incident-responder", **spec: Any) -> str:
        """The name of a run that ana requests of a new runbook."""
        made = self.admin.create(
            "runbooks", {"title": "Mitigate", "serviceAccountName": account, "steps": list(steps)}, name=book
        )
        assert made.succeeded, made.message
        base = {"runbookRef": {"name": book}, "requestedBy": "ana"}
        answer = self.stage.person("ana").create("runbookruns", base | spec, name=f"{book}-1")
        assert answer.succeeded, answer.message
        return f"{book}-1"

    def status(self, run: str) -> Json:
        """The status of a run as it is."""
        found: Json = self.admin.ask("GET", self.admin.path("runbookruns", run)).body.get("status", {})
        return found

    def ended(self, run: str) -> Json:
        """The status of a run once it has ended."""
        wait_until(
            lambda: None if self.status(run).get("phase") in ENDED else json.dumps(self.status(run)),
            PATIENCE,
        )
        return self.status(run)

    def blocked(self, run: str, reason: str) -> str:
        """What a run says of what holds it up, once it is this."""
        wait_until(
            lambda: None if self.status(run).get("blockedReason") == reason else json.dumps(self.status(run)),
            PATIENCE,
        )
        return str(self.status(run)["blockedMessage"])

    def end_job(self, name: str, *conditions: str) -> None:
        """Has a Job be done, as its controller would: these conditions are true."""
        job = self.thing("jobs", name, "batch/v1")
        moment = job["metadata"]["creationTimestamp"]
        done = [{"type": each, "status": "True", "lastTransitionTime": moment} for each in conditions]
        well = {"completionTime": moment, "succeeded": 1} if "Complete" in conditions else {"failed": 1}
        body = {"status": {"startTime": moment, "conditions": done, **well}}
        answer = self.admin.ask("PATCH", f"{self.admin.path('jobs', name, 'batch/v1')}/status", body)
        assert answer.succeeded, answer.message


def furnished(stage: Stage) -> Team:
    """The team, with a Deployment that its account may change, and its tokens for the operator."""
    made, account = Team(stage), f"system:serviceaccount:{stage.namespace}:incident-responder"
    for name in ("incident-responder", "untrusted"):
        made.make("serviceaccounts", "v1", {"metadata": {"name": name}})
    stage.allow("ana", "runbooks", ["run"])
    stage.allow("ana", "runbookruns", ["get", "create", "patch"])
    stage.allow("bo", "runbooks", ["approve"])
    stage.allow("bo", "runbookruns", ["get", "patch"])
    token = {"group": "", "name": "incident-responder"}
    stage.allow(DEFAULT_OPERATOR_USER, "serviceaccounts/token", ["create"], **token)
    stage.allow(account, "deployments", ["get", "patch"], group="apps")
    stage.allow(account, "deployments/scale", ["get", "patch"], group="apps")
    stage.allow(account, "jobs", ["get", "create"], group="batch")
    stage.allow(account, "runbooks", ["run"])
    stage.allow(account, "runbookruns", ["get", "create"])
    stage.allow(account, "configmaps", ["get", "create", "patch", "delete"], group="")
    made.make("deployments", "apps/v1", {"metadata": {"name": "checkout"}, "spec": DEPLOYMENT})
    return made


def on(target: Json, name: str = "act", **action: Any) -> Json:
    """A step that changes a target, which nobody has to approve."""
    return {"name": name, "kubernetes": {"targetRef": target, **action}, **NO_APPROVAL}
