"""The oracle of what a run ends in."""

from collections import Counter
from collections.abc import Iterator

from tests.faults.play import Run
from tests.faults.run_stage import RunStage
from tests.faults.runs import LATEST, Reference, Rooms, end_of, entries
from tests.faults.team import NAMES

RECORDED_WITHIN = 3.0
"""Seconds within which an act is recorded, however a vendor answers."""

ACTS = ("its being taken", "the end")
"""What people have done and wait to see recorded."""


def converges(run: Run, reference: Reference) -> Iterator[str]:
    """O1: the same end as without a fault, and a stable one."""
    if run.failure:
        yield f"a part of the operator ended: {run.failure}"
    if run.missing and not run.missing.startswith("a page"):
        yield f"{run.missing} never came"
    if not run.settled:
        yield "it did not come to rest"
    elif not run.missing:
        end = end_of(run)
        for what, wanted in reference.end.items():
            if what == "channels" or (what == "open alerts" and _may_stay_open(run)):
                continue
            if end[what] != wanted:
                yield f"{what}: {end[what]} instead of {wanted}"
        yield from _acts_wait(run)
        yield from _channels_differ(end["channels"], reference.end["channels"], run)


def _may_stay_open(run: Run) -> bool:
    """Whether an alert may rightly stay open: nobody was there to see its incident go, or that says so."""
    absences = ("crash", "replicas", "environment", "time")
    unseen = run.scenario.forgets and any(entry.group in absences for entry in entries(run))
    refused = any(entry.credentials for entry in entries(run))
    if isinstance(run.stage, RunStage):
        # What a person is asked of a run stays open until somebody has looked.
        uid = run.stage.run_body().get("metadata", {}).get("uid", "")
        return all(key.partition("/")[0] == uid for key in run.stage.vendors.open_alerts)
    return unseen or (refused and any(run.stage.is_true("Degraded", name) for name in NAMES))


def _acts_wait(run: Run) -> Iterator[str]:
    """What people have done and is recorded late: a record waits a second for vendors (DESIGN §4, rule 4)."""
    others = [entry for entry in entries(run) if entry.group != "effect reply"]
    allowed = RECORDED_WITHIN + run.scenario.absent + sum(LATEST + entry.lasts for entry in others)
    for what, due, came in run.stage.waits:
        if what in ACTS and came - due > allowed:
            yield f"{what} came {came - due:.1f} s late, where {allowed:.0f} s were allowed"


def _channels_differ(found: Rooms, wanted: Rooms, run: Run) -> Iterator[str]:
    """What a channel lacks; that more was said in it is right where more happened."""
    if any(entry.edits for entry in entries(run)):
        return
    if [room[:2] for room in found] != [room[:2] for room in wanted]:
        yield f"channels {[room[:2] for room in found]} instead of {[room[:2] for room in wanted]}"
        return
    for (name, _, lines), (_, _, demanded) in zip(found, wanted, strict=True):
        if missing := Counter(demanded) - Counter(lines):
            yield f"channel {name} was not told {list(missing)}"
