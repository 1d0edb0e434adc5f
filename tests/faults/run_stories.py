"""What happens when a runbook is run and nothing goes wrong; people do what the run waits for."""

from typing import cast

from tests.faults.run_stage import Json, RunStage, call, patch
from tests.faults.stage import Stage
from tests.support.builders import target

WATCHED: Json = {"verify": {"condition": 'object.data.load == "low"', "within": "1m"}}
NEVER_SO: Json = {"verify": {"condition": 'object.data.load == "none"', "within": "20s"}}
APPROVED: Json = {"risk": "High", "approval": {"count": 1, "expiresAfter": "30m"}}


async def patched(stage: Stage) -> None:
    """An object is changed, and seen to be changed."""
    await _run(cast(RunStage, stage), patch(**WATCHED))


async def called(stage: Stage) -> None:
    """A request is sent to which nobody has a key."""
    await _run(cast(RunStage, stage), call())


async def approved(stage: Stage) -> None:
    """Two steps, the second of which somebody else has to approve."""
    stage = cast(RunStage, stage)
    _ask_for(stage, call(), patch(**APPROVED))

    def approve() -> bool:
        status = stage.of_run()
        if status.get("phase") == "AwaitingApproval":
            stage.approve()
        return status.get("phase") == "AwaitingApproval" or stage.is_stopped

    await stage.wait("the question for approval", approve)
    await stage.wait("the end of the run", lambda: stage.is_stopped)


async def taken_back(stage: Stage) -> None:
    """What was changed does not show the effect that was hoped for, and is taken back."""
    await _run(cast(RunStage, stage), patch(**NEVER_SO))


async def _run(stage: RunStage, *steps: Json) -> None:
    _ask_for(stage, *steps)
    await stage.wait("the end of the run", lambda: stage.is_stopped)


def _ask_for(stage: RunStage, *steps: Json) -> None:
    """A team that can be paged, its runbook, and somebody who runs it."""
    stage.furnish(("first", "5m", [target("pagerduty")]))
    stage.runbook(*steps, timeout="10m")
    stage.request()
