"""Counts runs and their steps. No label holds the name of a runbook, a run or a step."""

from watchbill.api.run_reasons import RunReason
from watchbill.api.runbook_run import RunbookRun
from watchbill.api.runbook_run_status import ENDED, RunbookRunStatus
from watchbill.core.runs.snapshot import spec_of
from watchbill.shell.cache import ObjectKey, Raw
from watchbill.shell.metrics import Metrics, started_at_zero


class RunMeter:
    """The metrics of runs: what goes on, on every replica, and what has ended, where it was written."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        started_at_zero(metrics.runbook_runs_ended, ENDED)
        started_at_zero(metrics.runbook_steps_blocked, (RunReason.OUTCOME_UNKNOWN, RunReason.UNDO_FAILED))
        self._phases: dict[tuple[str, str], str] = {}

    def told(self, key: ObjectKey, raw: Raw) -> None:
        """Take note of a run as it is; one that has ended is counted no more."""
        self.gone(key)
        phase = (raw.get("status") or {}).get("phase") or "Pending"
        if phase not in ENDED:
            self._phases[key.namespace, key.name] = phase
            self._metrics.runbook_runs.labels(phase).inc()

    def gone(self, key: ObjectKey) -> None:
        """Forget a run that was deleted."""
        phase = self._phases.pop((key.namespace, key.name), None)
        if phase is not None:
            self._metrics.runbook_runs.labels(phase).dec()

    def written(self, run: RunbookRun, after: RunbookRunStatus) -> None:
        """Count what a write has changed: a run that ended, each step that ended, and a new hold-up."""
        before, metrics = run.status, self._metrics
        if after.phase in ENDED and before.phase not in ENDED:
            metrics.runbook_runs_ended.labels(after.phase).inc()
        if after.blocked_reason and after.blocked_reason != before.blocked_reason:
            metrics.runbook_steps_blocked.labels(after.blocked_reason).inc()
        known = {each.name for each in before.steps if each.ended_time is not None}
        new = [each for each in after.steps if each.ended_time is not None and each.name not in known]
        if not new or after.snapshot is None:
            return
        kinds = {each.name: each.kind for each in spec_of(after.snapshot.content).steps}
        for step in new:
            began = step.acted_time or step.started_time
            if began is not None and step.ended_time is not None:
                length = (step.ended_time - began).total_seconds()
                metrics.runbook_step_duration.labels(kinds[step.name], step.phase).observe(max(length, 0.0))
