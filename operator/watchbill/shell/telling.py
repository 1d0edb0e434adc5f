"""Tells people of incidents and runs by Events."""

from collections.abc import Callable

import structlog

from watchbill.api.incident import Incident
from watchbill.api.model import ObjectMeta
from watchbill.api.reasons import EventReason
from watchbill.api.runbook_run import RunbookRun
from watchbill.core import texts
from watchbill.core.decision import Event
from watchbill.core.effects import SendPage
from watchbill.core.runs.decision import RunEvent
from watchbill.shell.cache import Cache, ObjectKey, Raw
from watchbill.shell.events import Recorder

log = structlog.get_logger("watchbill")


class Teller:
    """Records Events; never waits, and never fails."""

    def __init__(self, recorder: Recorder, cache: Cache, is_leader: Callable[[], bool]) -> None:
        self._recorder = recorder
        self._cache = cache
        self._is_leader = is_leader

    def of_problem(self, key: ObjectKey) -> None:
        """Say on an incident or a run itself that it cannot be read, for no condition can."""
        problem = self._cache.problem(*key)
        if not problem:
            return
        log.error("it cannot be read", kind=key.kind, namespace=key.namespace, name=key.name, problem=problem)
        raw = self._cache.get(*key)
        if raw is not None and self._is_leader():
            so = "nobody is paged for it" if key.kind == "Incident" else "nothing of it is done"
            text = f"it cannot be read, so {so}; mend {problem}"
            self._recorder.record(key.kind, raw, EventReason.UNREADABLE.value, text, "Warning")

    def of_console(self, effect: SendPage) -> None:
        """Say on an incident what a page through the console says."""
        facts = effect.incident
        kind = "RunbookRun" if facts.is_run else "Incident"
        raw = {"metadata": {"uid": facts.uid, "namespace": facts.namespace, "name": facts.name}}
        self._recorder.record(kind, raw, EventReason.CONSOLE_PAGE.value, texts.page_text(effect))

    def of_incident(self, incident: Incident, event: Event) -> None:
        """Say what was decided on an incident."""
        self._recorder.record(
            "Incident", _raw(incident.metadata), event.reason.value, event.message, event.type
        )

    def of_run(self, run: RunbookRun, event: RunEvent) -> None:
        """Say what was decided on a run."""
        self._recorder.record("RunbookRun", _raw(run.metadata), event.reason.value, event.message, event.type)


def _raw(metadata: ObjectMeta) -> Raw:
    return {"metadata": metadata.model_dump(mode="json", by_alias=True)}
