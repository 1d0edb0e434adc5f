"""A decision on a run in the making: the observation, the moment, and the status as far as it is decided."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from watchbill.api.run_reasons import RunEventReason, RunReason
from watchbill.api.runbook import RunbookSpec, Step
from watchbill.api.runbook_run import RunbookRunSpec
from watchbill.api.runbook_run_status import ENDED, RunbookRunStatus, StepStatus
from watchbill.core.decision import EventType
from watchbill.core.runs import parameters, snapshot
from watchbill.core.runs.decision import RunEvent
from watchbill.core.runs.observation import RunObservation
from watchbill.core.steps.contract import RunFacts
from watchbill.core.steps.rendering import Scope, Value, rendered
from watchbill.core.texts import cut, neutral

MESSAGE = 512
UNDER_WAY = ("Acting", "Following", "Verifying")
TAKEN_BACK = ("UndoPending", "Undoing")
KNOWN_STEPS = 64


@dataclass(frozen=True, slots=True)
class RunDraft:
    """What has been decided so far; every step of a decision takes one and returns the next."""

    observation: RunObservation
    now: datetime
    status: RunbookRunStatus
    events: tuple[RunEvent, ...] = ()

    @property
    def spec(self) -> RunbookRunSpec:
        """What people want."""
        return self.observation.run.spec

    @property
    def runbook(self) -> RunbookSpec:
        """The runbook that was pinned; there must be one."""
        assert self.status.snapshot is not None
        return snapshot.spec_of(self.status.snapshot.content)

    @property
    def is_over(self) -> bool:
        """Whether the run has ended."""
        return self.status.phase in ENDED

    @property
    def is_dry(self) -> bool:
        """Whether nothing is to be changed."""
        return bool(self.spec.dry_run)

    @property
    def is_stopped(self) -> bool:
        """Whether no further step starts."""
        return bool(self.status.stopped_reason)

    def having(self, **changes: Any) -> "RunDraft":
        """The draft with these fields of the status replaced."""
        return replace(self, status=self.status.model_copy(update=changes))

    def with_step(self, name: str, **changes: Any) -> "RunDraft":
        """The draft with these fields of one step's status replaced."""
        return self.having(steps=changed(self.status.steps, name, **changes))

    def stopped(self, reason: RunReason, message: str) -> "RunDraft":
        """The draft in which no further step starts; the first reason stays."""
        if self.is_stopped:
            return self
        return self.having(stopped_reason=reason.value, stopped_message=cut(neutral(message), MESSAGE))

    def told(self, reason: RunEventReason, message: str, kind: EventType = "Normal") -> "RunDraft":
        """The draft with one more Event for people to read."""
        return replace(self, events=(*self.events, RunEvent(reason, neutral(message), kind)))


def changed(steps: tuple[StepStatus, ...], name: str, **changes: Any) -> tuple[StepStatus, ...]:
    """The steps with these fields of one of them replaced."""
    return tuple(each.model_copy(update=changes) if each.name == name else each for each in steps)


def values_of(draft: RunDraft) -> dict[str, Value]:
    """The values of the parameters in their types: what was pinned, and of secret ones what the run gives."""
    shown = {each.name: each.value for each in draft.status.parameters}
    found: dict[str, Value] = {}
    for each in draft.runbook.parameters:
        text = parameters.value_of(each, draft.spec.parameters, None) if each.secret else shown.get(each.name)
        if text is not None:
            found[each.name] = parameters.typed(each, text)
    return found


def scope_of(draft: RunDraft) -> Scope:
    """What templates can name."""
    meta, incident = draft.observation.run.metadata, draft.spec.incident_ref
    place = {"namespace": meta.namespace or ""}
    return Scope(
        values_of(draft),
        {"name": incident.name, **place} if incident else {},
        {"name": meta.name, "uid": meta.uid, **place},
    )


def steps_of(draft: RunDraft) -> tuple[Step, ...]:
    """The steps with all templates filled in; raises Unrenderable where that cannot be."""
    assert draft.status.snapshot is not None
    scope = scope_of(draft)
    parts = (scope.parameters, scope.incident, scope.run)
    named = tuple(tuple(sorted(each.items())) for each in parts)
    return _rendered(draft.status.snapshot.content, named)


@lru_cache(maxsize=KNOWN_STEPS)
def _rendered(content: str, named: tuple[tuple[tuple[str, Value], ...], ...]) -> tuple[Step, ...]:
    parameters_, incident, run = (dict(each) for each in named)
    scope = Scope(parameters_, _texts(incident), _texts(run))
    steps = snapshot.spec_of(content).steps
    return tuple(rendered(each, scope, f"spec.steps[{each.name}]") for each in steps)


def _texts(fields: Mapping[str, Value]) -> dict[str, str]:
    return {name: str(value) for name, value in fields.items()}


def step_of(draft: RunDraft, name: str) -> Step:
    """The step of this name."""
    return next(each for each in steps_of(draft) if each.name == name)


def facts_of(draft: RunDraft) -> RunFacts:
    """What a step knows of its run."""
    meta, book = draft.observation.run.metadata, draft.runbook
    namespace = meta.namespace or ""
    values = values_of(draft)
    return RunFacts(
        uid=meta.uid,
        namespace=namespace,
        name=meta.name,
        account=book.service_account_name,
        user=f"system:serviceaccount:{namespace}:{book.service_account_name}",
        namespaces=book.scope.namespaces if book.scope else (),
        selector=(book.scope.selector or "") if book.scope else "",
        min_available=(book.safety.min_available or "") if book.safety else "",
        parameters=values,
        incident=draft.spec.incident_ref.name if draft.spec.incident_ref else "",
        masked=tuple(
            str(values[each.name]) for each in book.parameters if each.secret and each.name in values
        ),
    )
