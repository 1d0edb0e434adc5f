"""The oracles of what runbooks do, in the scenarios that have one."""

from collections import Counter
from collections.abc import Iterator

from tests.faults.play import Run
from tests.faults.run_stage import RunStage
from tests.faults.runs import Reference, acts_of
from watchbill.api.runbook_run_status import ENDED

OPEN_ENDED = ("Unknown", "UndoFailed")
"""The phases of a step of which nobody can tell what it did, or that is still to be taken back."""


def acts_once(run: Run, reference: Reference) -> Iterator[str]:
    """O10: nothing is done more often than the steps say, and a run that says it is done has done it all."""
    if not isinstance(run.stage, RunStage):
        return
    acts, wanted = Counter(acts_of(run)), Counter(reference.acts)
    if more := acts - wanted:
        yield f"done again: {', '.join(more.elements())}"
    status = run.stage.of_run()
    if status.get("phase") == reference.run_phase and (less := wanted - acts):
        yield f"it is said to be done, and was not: {', '.join(less.elements())}"


def tells_of_a_stop(run: Run, reference: Reference) -> Iterator[str]:
    """O11: a run ends as it does without a fault, or says why; of what nobody can tell a person is paged."""
    if not isinstance(run.stage, RunStage):
        return
    body = run.stage.run_body()
    status = body.get("status", {})
    open_ended = [step["name"] for step in status.get("steps", ()) if step.get("phase") in OPEN_ENDED]
    if status.get("phase") not in ENDED:
        yield f"the run is {status.get('phase')} in the end"
    elif status["phase"] != reference.run_phase and not (open_ended or status.get("stoppedReason")):
        yield f"the run is {status['phase']} instead of {reference.run_phase}, and does not say why"
    if open_ended and not run.stage.vendors.paged(uid=body["metadata"]["uid"]):
        yield f"nobody was paged of step {', '.join(open_ended)}"
