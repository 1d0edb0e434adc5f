"""What is counted of runs, in the operator that wrote it."""

import re
from typing import Any

from tests.faults.run_stage import RunStage, patch, tell
from watchbill.shell.cache import ObjectKey
from watchbill.shell.metrics import Metrics
from watchbill.shell.runs.measuring import RunMeter

KEY = ObjectKey("RunbookRun", "shop", "run-1")


def raw(phase: str) -> Any:
    return {"metadata": {"name": "run-1", "namespace": "shop"}, "status": {"phase": phase} if phase else {}}


def test_a_run_is_counted_where_it_stands_and_no_more_when_it_has_ended_or_is_gone():
    metrics = Metrics()
    meter, value = RunMeter(metrics), metrics.registry.get_sample_value

    def found(phase: str) -> float | None:
        return value("watchbill_runbook_runs", {"phase": phase})

    meter.told(KEY, raw(""))
    assert found("Pending") == 1
    meter.told(KEY, raw("Blocked"))
    meter.told(KEY, raw("Blocked"))
    assert (found("Pending"), found("Blocked")) == (0, 1)
    meter.told(KEY, raw("Succeeded"))
    assert (found("Blocked"), found("Succeeded")) == (0, None)
    meter.told(KEY, raw("Running"))
    meter.gone(KEY)
    meter.gone(KEY)
    assert found("Running") == 0


def test_what_ends_and_what_is_held_up_is_counted_once_and_without_names():
    async def story(stage: RunStage) -> None:
        stage.server.rights.discard(("patch", "configmaps"))
        stage.runbook(patch(), {"name": "rest", "wait": {"duration": "20s"}})
        stage.request()
        await stage.blocked("Denied")
        stage.server.rights.add(("patch", "configmaps"))
        assert (await stage.ended())["phase"] == "Succeeded"
        await stage.pass_(minutes=5)
        metrics = stage.operators[0].apps[-1].metrics
        value = metrics.registry.get_sample_value
        assert value("watchbill_runbook_runs_ended_total", {"result": "Succeeded"}) == 1
        assert value("watchbill_runbook_steps_blocked_total", {"reason": "Denied"}) == 1
        for kind, least in (("kubernetes", 0), ("wait", 20)):
            labels = {"kind": kind, "result": "Succeeded"}
            assert value("watchbill_runbook_step_duration_seconds_count", labels) == 1
            length = value("watchbill_runbook_step_duration_seconds_sum", labels)
            assert length is not None
            assert least <= length < least + 5
        lines = [each for each in metrics.render().decode().splitlines() if "_runbook_" in each]
        assert not [each for each in lines if re.search(r'"(book|run-1|act|rest|shop)"', each)]

    tell(story)
