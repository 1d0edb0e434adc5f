"""Whole operators that perform runs, in virtual time, and the team whose runbooks they are."""

import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from tests.faults.network import Fault
from tests.faults.stage import Stage
from tests.faults.virtual_time import played
from tests.support.apiserver.resources import RESOURCES
from tests.support.workloads import Workloads
from watchbill.api.runbook_run_status import ENDED
from watchbill.shell.paths import path_of

Json = dict[str, Any]

ACCOUNT = "shop/incident-responder"
SETTINGS = "/api/v1/namespaces/shop/configmaps/settings"
TARGET: Json = {"apiVersion": "v1", "kind": "ConfigMap", "name": "settings"}
RUNS = next(each for each in RESOURCES if each.kind == "RunbookRun")
NO_APPROVAL: Json = {"approval": {"count": 0}}


def patch(name: str = "act", value: str = "low", **more: Any) -> Json:
    """A step that sets the load of the settings; nobody has to approve it."""
    body = {"type": "Merge", "patch": json.dumps({"data": {"load": value}})}
    return {"name": name, "kubernetes": {"targetRef": TARGET, "patch": body}, **NO_APPROVAL, **more}


def call(name: str = "call", **more: Any) -> Json:
    """A step that sends one request to the deployer."""
    body = json.dumps({"data": {"action": "deploy", "key": "k/1/1"}})
    http = {"url": "http://deployer.example.com/deploy", "body": body}
    return {"name": name, "http": http, **NO_APPROVAL, **more}


class RunStage(Stage):
    """A server, operators, vendors, and a team with one ConfigMap and the right to change it."""

    server: Workloads

    def _connect(self) -> None:
        self.server = Workloads(self.wall)
        super()._connect()
        self.server.granted.add(ACCOUNT)
        self.server.rights |= {(verb, "configmaps") for verb in ("get", "patch", "create", "delete")}
        metadata = {"name": "settings", "uid": "c-1"}
        self.server.put(SETTINGS, {"kind": "ConfigMap", "metadata": metadata, "data": {"load": "high"}})

    async def begin(self, replicas: int = 1) -> None:
        """The operators run, and the team can be paged."""
        self.furnish(("first", "5m", [{"connectionRef": {"name": "pagerduty"}}]))
        await self.open(replicas)

    def runbook(self, *steps: Json, name: str = "book", **spec: Any) -> None:
        """Write a runbook."""
        base = {"title": "Mitigate", "serviceAccountName": "incident-responder", "steps": list(steps)}
        self.put("Runbook", name, {"spec": base | spec})

    def request(self, name: str = "run-1", **spec: Any) -> None:
        """ana runs it."""
        base = {"runbookRef": {"name": "book"}, "requestedBy": "ana"}
        self.put("RunbookRun", name, {"spec": base | spec})

    def says(self, name: str = "run-1", **spec: Any) -> None:
        """People write into the spec of a run."""
        self.server.ask("PATCH", path_of("RunbookRun", "shop", name), {"spec": spec})

    def approve(self, user: str = "bo", name: str = "run-1") -> None:
        """Somebody approves the plan as it is."""
        self.says(name, approvals={user: {"planHash": self.of_run(name)["plan"]["hash"]}})

    def run_body(self, name: str = "run-1") -> Json:
        """A run, as it is stored; empty where there is none."""
        return self.server.store.get(RUNS, RUNS.key("shop", name)) or {}

    def of_run(self, name: str = "run-1") -> Json:
        """The status of a run; empty where there is none."""
        return dict(self.run_body(name).get("status", {}))

    def step(self, step: str = "act", name: str = "run-1") -> Json:
        """The status of one step."""
        steps: list[Json] = self.of_run(name).get("steps", [])
        return next((each for each in steps if each["name"] == step), {})

    async def ended(self, name: str = "run-1") -> Json:
        """The status of a run once it has ended."""
        await self.wait(f"the end of {name}", lambda: self.of_run(name).get("phase") in ENDED)
        return self.of_run(name)

    async def blocked(self, reason: str, name: str = "run-1") -> Json:
        """The status of a run once this holds it up."""
        await self.wait(f"{name} {reason}", lambda: self.of_run(name).get("blockedReason") == reason)
        return self.of_run(name)

    @property
    def is_stopped(self) -> bool:
        """Whether the first run does nothing more."""
        return self.of_run().get("phase") in ENDED

    @property
    def load(self) -> str:
        """What the settings say."""
        return str(self.server.things[SETTINGS]["data"]["load"])

    @property
    def acts(self) -> list[tuple[str, str, str]]:
        """What accounts have changed."""
        return self.server.wrote

    @property
    def calls(self) -> int:
        """How many requests the deployer got."""
        return sum(arrival.vendor == "deployer" for arrival in self.vendors.arrived)

    def _version(self) -> list[tuple[str, str]]:
        runs = [(key, body["metadata"]["resourceVersion"]) for key, body in self.server.store.all(RUNS)]
        return super()._version() + runs

    def break_at(self, place: str, fault: Fault[Any]) -> None:
        """Have a fault happen at the next crossing of this place."""
        self.network.upcoming[place] = "fault"
        self.network.make = lambda crossing, name: fault

    async def pass_(self, **length: float) -> None:
        """Let so much time pass."""
        await self.rest(timedelta(**length).total_seconds())


Story = Callable[[RunStage], Awaitable[None]]


def tell(story: Story, replicas: int = 1) -> RunStage:
    """The stage after a story; no part of an operator has ended by itself."""

    async def main() -> RunStage:
        stage = RunStage()
        await stage.begin(replicas)
        try:
            await story(stage)
        finally:
            await stage.close()
        return stage

    stage = played(main)
    assert [problem for operator in stage.operators for problem in operator.problems()] == []
    return stage
