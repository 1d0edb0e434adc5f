"""How what was done is kept to be taken back, and taken back if nobody has changed it since."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from watchbill.api.runbook_run_status import MAX_UNDO
from watchbill.core.outcomes import Result
from watchbill.core.steps.answers import NOT_FOUND
from watchbill.core.steps.contract import ApiRequest, Reversal, StepResult, Talk
from watchbill.core.steps.differences import is_still


def kept(reversals: Sequence[Reversal]) -> str:
    """The reversals as JSON; the empty string where there are none, or where they are too long to keep."""
    if not reversals:
        return ""
    text = json.dumps([asdict(each) for each in reversals], separators=(",", ":"))
    return text if len(text) <= MAX_UNDO else ""


def read(undo: str) -> tuple[Reversal, ...]:
    """The reversals that were kept."""
    return tuple(Reversal(ApiRequest(**each["request"]), each["expects"]) for each in json.loads(undo))


def reversal(undo: str) -> Talk:
    """The exchange that takes back what was done, the last thing first.

    What somebody has changed since is left as it is, and so is all that was done before it.
    """
    done = 0
    for each in reversed(read(undo)):
        if each.expects:
            request = each.request
            found = yield ApiRequest(
                "get",
                request.api_version,
                request.kind,
                request.namespace,
                request.name,
                request.subresource,
            )
            if found.status == NOT_FOUND:
                return _not_undone("it is gone", done)
            if not found.is_ok:
                return StepResult(_safely(found.result, done), message=found.message, reason="UndoFailed")
            if not is_still(json.loads(each.expects), found.body):
                return _not_undone("somebody has changed it since", done)
        answer = yield each.request
        if answer.status == NOT_FOUND and each.request.verb == "delete":
            continue
        if not answer.is_ok:
            return StepResult(_safely(answer.result, done), message=answer.message, reason="UndoFailed")
        done += 1
    return StepResult(Result.OK, output="taken back")


def _not_undone(why: str, done: int) -> StepResult:
    part = "the rest is" if done else "it is"
    return StepResult(Result.PERMANENT, reason="ChangedSince", message=f"{part} left as it is: {why}")


def _safely(result: Result, done: int) -> Result:
    """What surely did not happen may be tried again, but only where nothing before it did."""
    return Result.PERMANENT if done and result != Result.UNKNOWN else result


def parsed(body: Any) -> dict[str, Any]:
    """The answer's object; empty where the answer is no object."""
    return body if isinstance(body, dict) else {}
