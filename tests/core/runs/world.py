"""A world in which runs are decided on and performed: a clock, an API server of a few objects, and faults."""

import json
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from watchbill.api.incident import Incident
from watchbill.api.runbook import Runbook
from watchbill.api.runbook_run import RunbookRun
from watchbill.core.outcomes import Result
from watchbill.core.runs.decide import decide_run
from watchbill.core.runs.decision import RunDecision, RunEvent
from watchbill.core.runs.effects import AskPerson, PlanSteps, RunEffect
from watchbill.core.runs.exchange import plans, talk
from watchbill.core.runs.observation import OtherRun, RunObservation
from watchbill.core.runs.outcomes import RunOutcome
from watchbill.core.runs.record import record_run
from watchbill.core.steps.answers import answered, unanswered
from watchbill.core.steps.contract import Answer, ApiRequest, Request, StepResult

Json = dict[str, Any]

T0 = datetime(2026, 3, 9, 3, 0, tzinfo=UTC)
OPERATOR = "system:serviceaccount:watchbill:watchbill"
TARGET: Json = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "checkout"}
Fault = Callable[[Request], Answer | None]


def deployment(**spec: Any) -> Json:
    """The deployment checkout, all of whose replicas are available."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "checkout", "uid": "d-1", "resourceVersion": "1", "labels": {"tier": "web"}},
        "spec": {"replicas": 2, **spec},
        "status": {"availableReplicas": 2, "updatedReplicas": 2},
    }


def runbook(*steps: Json, **spec: Any) -> Runbook:
    """A runbook with these steps."""
    return Runbook.model_validate(
        {
            "metadata": {"name": "book", "namespace": "shop", "uid": "b-1", "generation": 3},
            "spec": {
                "title": "Mitigate",
                "serviceAccountName": "incident-responder",
                "steps": list(steps),
                **spec,
            },
        }
    )


def run(name: str = "run-1", **spec: Any) -> RunbookRun:
    """A run of the runbook, requested by ana."""
    return RunbookRun.model_validate(
        {
            "metadata": {
                "name": name,
                "namespace": "shop",
                "uid": f"u-{name}",
                "generation": 1,
                "creationTimestamp": T0,
            },
            "spec": {"runbookRef": {"name": "book"}, "requestedBy": "ana", **spec},
        }
    )


@dataclass
class World:
    """One run, what is around it, and what was asked of the outside."""

    book: Runbook | None
    run: RunbookRun
    now: datetime = T0
    incident: Incident | None = None
    parent: RunbookRun | None = None
    others: tuple[OtherRun, ...] = ()
    pause: str = ""
    things: dict[tuple[str, str], Json] = field(default_factory=dict)
    fault: Fault = lambda request: None
    asked: list[Request] = field(default_factory=list)
    effects: list[RunEffect] = field(default_factory=list)
    events: list[RunEvent] = field(default_factory=list)
    listed: datetime | None = None
    holder: str = "me"
    claims: dict[str, datetime] = field(default_factory=dict)
    reach: bool = True
    """Whether a person can be reached."""
    dies_before: type[Any] | None = None
    """The effect that the process does not live to perform, once it is written that it will."""
    dies_at: set[int] = field(default_factory=set)
    """Before or after which effects the process dies: 2n before the effect n, 2n + 1 after it, unrecorded."""
    version: int = 1

    @property
    def status(self) -> Any:
        return self.run.status

    @property
    def written(self) -> list[Request]:
        """The requests that could change something, in order."""
        return [each for each in self.asked if not each.is_read]

    def phases(self) -> dict[str, str]:
        return {each.name: each.phase for each in self.status.steps}

    def put(self, thing: Json) -> None:
        self.things[thing["kind"], thing["metadata"]["name"]] = thing

    def says(self, **spec: Any) -> None:
        """People write into the spec of the run."""
        old = self.run.spec.model_dump(mode="json", by_alias=True, exclude_unset=True)
        new = type(self.run.spec).model_validate({**old, **spec})
        self.run = self.run.model_copy(update={"spec": new})

    def approve(self, user: str = "bo", **more: Any) -> None:
        self.says(approvals={**self._approvals(), user: {"planHash": self.status.plan.hash, **more}})

    def _approvals(self) -> Json:
        return {k: v.model_dump(by_alias=True) for k, v in self.run.spec.approvals.items()}

    def observed(self) -> RunObservation:
        return RunObservation(
            self.run,
            self.book,
            self.incident,
            self.parent,
            self.others,
            self.listed,
            self.pause,
            OPERATOR,
            self.holder,
            foreign_claims=self.claims,
        )

    def decide(self) -> RunDecision:
        """Decide and write; deciding again at that moment must change nothing."""
        decision = decide_run(self.observed(), self.now)
        self._write(decision.status)
        again = decide_run(self.observed(), self.now)
        assert again.status == decision.status
        assert again.effects == decision.effects
        self.events += decision.events
        if decision.wants_others:
            self.listed = self.now + timedelta(milliseconds=1)
        return decision

    def turn(self) -> RunDecision:
        """Decide, write, perform, record."""
        decision = self.decide()
        for effect in decision.effects:
            if self.dies_before is not None and isinstance(effect, self.dies_before):
                return RunDecision(self.status)
            number = len(self.effects)
            self.effects.append(effect)
            if 2 * number in self.dies_at:
                return self.reborn()
            outcome = self.perform(effect)
            if 2 * number + 1 in self.dies_at:
                return self.reborn()
            recorded = record_run(self.run, [outcome], self.now)
            self.events += recorded.events
            self._write(recorded.status)
        return decision

    def reborn(self) -> RunDecision:
        """Another process takes over, which knows of what was claimed no more than that."""
        self.holder = f"{self.holder}+"
        uid = self.run.metadata.uid
        self.claims = {f"{uid}/{each.name}": self.now for each in self.status.steps if each.claim}
        return RunDecision(self.status)

    def play(self, until: timedelta = timedelta(0), turns: int = 300) -> "World":
        """Go on until nothing happens by itself, or this much time has passed."""
        end = self.now + until
        for _ in range(turns):
            before, holder = self.status, self.holder
            decision = self.turn()
            if decision.effects or self.status != before or self.holder != holder:
                continue
            if decision.wants_others:
                self.now = self.listed or self.now
                self.now += timedelta(milliseconds=1)
                continue
            wait = decision.requeue_after
            if wait is None or self.now + wait > end:
                return self
            self.now += wait
        raise AssertionError("it goes on and on")

    def perform(self, effect: RunEffect) -> RunOutcome:
        if isinstance(effect, AskPerson):
            result = StepResult(Result.OK if self.reach else Result.RETRY)
            return RunOutcome(effect, result, self.now)
        if isinstance(effect, PlanSteps):
            found = self._talk(plans(effect))
            return RunOutcome(effect, StepResult(Result.OK), self.now, found)
        return RunOutcome(effect, self._talk(talk(effect)), self.now)

    def _talk(self, exchange: Generator[Request, Answer, Any]) -> Any:
        answer: Answer | None = None
        while True:
            try:
                request = exchange.send(answer) if answer is not None else next(exchange)
            except StopIteration as stop:
                return stop.value
            self.asked.append(request)
            answer = self.fault(request) or self.answer(request)

    def answer(self, request: Request) -> Answer:
        if not isinstance(request, ApiRequest):
            return answered(request, 200, {})
        if request.verb == "list":
            return answered(request, 200, {"items": []})
        if request.verb == "create":
            return self._create(request)
        found = self.things.get((request.kind, request.name))
        if found is None and request.content != "apply":
            return answered(request, 404, said("not found"))
        return self._on(request, found or {"kind": request.kind, "metadata": {"name": request.name}})

    def _on(self, request: ApiRequest, found: Json) -> Answer:
        if request.subresource == "scale":
            return self._scaled(request, found)
        if request.verb == "patch":
            return self._patch(request, found)
        if request.verb == "delete" and not request.dry_run:
            del self.things[request.kind, request.name]
        return answered(request, 200, found)

    def _create(self, request: ApiRequest) -> Answer:
        thing = json.loads(request.body)
        key = request.kind, thing["metadata"]["name"]
        if key in self.things:
            return answered(request, 409, said("exists"))
        if not request.dry_run:
            self.things[key] = thing
        return answered(request, 201, thing)

    def _patch(self, request: ApiRequest, found: Json) -> Answer:
        patch = json.loads(request.body)
        wanted = patch.get("metadata", {}).pop("resourceVersion", None)
        if wanted not in (None, found["metadata"].get("resourceVersion")):
            return answered(request, 409, said("the object has been modified"))
        new = merged(found, patch)
        if not request.dry_run and new != found:
            self.version += 1
            new["metadata"]["resourceVersion"] = str(self.version)
            self.things[request.kind, request.name] = new
        return answered(request, 200, new)

    def _scaled(self, request: ApiRequest, found: Json) -> Answer:
        scale = {
            "kind": "Scale",
            "metadata": found["metadata"],
            "spec": {"replicas": found["spec"]["replicas"]},
        }
        if request.verb == "get":
            return answered(request, 200, scale)
        replicas = json.loads(request.body)["spec"]["replicas"]
        patch = {**json.loads(request.body), "spec": {"replicas": replicas}}
        answer = self._patch(replace(request, subresource="", body=json.dumps(patch)), found)
        return answered(request, 200, {**scale, "spec": {"replicas": replicas}}) if answer.is_ok else answer

    def _write(self, status: Any) -> None:
        """As the API server would keep it: JSON, and nothing of a run that has ended changes."""
        kept = type(status).model_validate(status.to_json())
        assert kept == status
        self.run = self.run.model_copy(update={"status": kept})


def merged(target: Any, patch: Any) -> Any:
    """The target after an RFC 7386 merge patch."""
    if not isinstance(patch, dict):
        return patch
    kept = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            kept.pop(key, None)
        else:
            kept[key] = merged(kept.get(key), value)
    return kept


def said(message: str) -> Json:
    return {"kind": "Status", "message": message}


def lost(request: Request) -> Answer:
    """No answer to what was sent."""
    return unanswered(request, True, "no answer")


def scale(name: str, replicas: int, **more: Any) -> Json:
    """A step that scales the deployment."""
    return {"name": name, "kubernetes": {"targetRef": TARGET, "scale": {"replicas": replicas}}, **more}


def world(*steps: Json, book: Json | None = None, **spec: Any) -> World:
    """A world with the deployment, a runbook with these steps, and a run of it."""
    made = World(runbook(*steps, **(book or {})), run(**spec))
    made.put(deployment())
    return made
