"""Writes the status of runs; the only writer."""

from collections.abc import Callable

from watchbill.api.runbook_run import RunbookRun
from watchbill.api.runbook_run_status import PlannedStatus, RunbookRunStatus, StepStatus
from watchbill.shell.cache import Cache, ObjectKey, Raw, version_of
from watchbill.shell.kube import Invalid, Kube
from watchbill.shell.paths import path_of
from watchbill.shell.store import change


class RunStore:
    """Patches the status of a run where it has changed since it was read."""

    def __init__(self, kube: Kube, cache: Cache, on_written: Callable[[ObjectKey, Raw], None]) -> None:
        self._kube = kube
        self._cache = cache
        self._on_written = on_written
        self.on_echo: Callable[[ObjectKey], None] = lambda key: None
        """Called where the watch has told of a write before the server answered it."""

    async def write(self, run: RunbookRun, status: RunbookRunStatus) -> bool:
        """Make the status so; whether anything had to be written. Raises KubeError.

        The resourceVersion fences it: Conflict where the run has changed since it was observed. A status
        that the server refuses as invalid or too large is tried once more without what only people read.
        """
        part = change(run.status, status)
        if not part:
            return False
        key = ObjectKey("RunbookRun", run.metadata.namespace or "", run.metadata.name)
        try:
            await self._patch(key, run, status)
        except Invalid:
            smaller = minimal(status)
            if change(run.status, smaller) in ({}, part):
                raise
            await self._patch(key, run, smaller)
        return True

    async def _patch(self, key: ObjectKey, run: RunbookRun, status: RunbookRunStatus) -> None:
        part = change(run.status, status)
        body = {"metadata": {"resourceVersion": run.metadata.resource_version}, "status": part}
        written = await self._kube.patch_status(path_of(*key), body)
        if self._cache.upsert(key.kind, written):
            self._on_written(key, written)
        elif self._cache.version(key) == version_of(written):
            self.on_echo(key)


def minimal(status: RunbookRunStatus) -> RunbookRunStatus:
    """The status with all that no decision needs left out, for when the whole is refused.

    An approval stays bound: the hash of the plan is that of the plan as it was made.
    """
    plan = status.plan
    if plan is not None:
        plan = plan.model_copy(update={"steps": tuple(map(_without_diff, plan.steps))})
    return status.model_copy(update={"plan": plan, "steps": tuple(map(_without_output, status.steps))})


def _without_diff(step: PlannedStatus) -> PlannedStatus:
    return step.model_copy(update={"diff": ""})


def _without_output(step: StepStatus) -> StepStatus:
    return step.model_copy(update={"output": ""})
