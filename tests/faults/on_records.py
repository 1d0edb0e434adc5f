"""The oracles of what is written, and of what must be written nowhere."""

from collections.abc import Callable, Iterator, Mapping

from tests.faults.catalog import CATALOG
from tests.faults.play import Run
from tests.faults.runs import Body, Reference, entries
from tests.faults.team import CANARIES, ROTATED

WRITES = 6
"""Status writes that one fault may cost beyond those of a run without any."""

PERIOD = 2.0
"""Seconds between two tries of a write that cannot succeed while a fault lasts."""


def never_goes_back(run: Run, reference: Reference) -> Iterator[str]:
    """O5: epochs, generations, the timeline and the times of conditions only grow."""
    for uid in run.history.uids:
        before: Body = {}
        for status in run.history.statuses(uid):
            for what, measure in MEASURES.items():
                if what == "accepted pages" and _was_too_large(run):
                    continue
                if measure(status) < measure(before):
                    yield f"{what} went back from {measure(before)} to {measure(status)}"
            for name, time in _transitions(before).items():
                if _transitions(status).get(name, time) < time:
                    yield f"condition {name} went back in time"
            before = status


MEASURES: Mapping[str, Callable[[Body], int]] = {
    "the epoch": lambda status: int(status.get("escalation", {}).get("epoch", 0)),
    "the generation": lambda status: int(status.get("observedGeneration", 0)),
    "the timeline": lambda status: len(status.get("timeline", ())) + int(status.get("timelineDropped", 0)),
    "accepted pages": lambda status: sum(
        bool(hop.get("sentTime")) for page in status.get("pages", ()) for hop in page["hops"]
    ),
}


def _was_too_large(run: Run) -> bool:
    """Whether the server refused a status, so that one without its history was written (rule 17)."""
    return any(placed.fault in ("413", "422", "too-large") for placed in run.plan.placed)


def _transitions(status: Body) -> dict[str, str]:
    return {each["type"]: each["lastTransitionTime"] for each in status.get("conditions", ())}


def is_no_loop(run: Run, reference: Reference) -> Iterator[str]:
    """O6: no more writes than a fault can explain."""
    lasts = sum(entry.lasts for entry in entries(run))
    most = reference.writes + run.stage.pace.spare_writes + WRITES * len(run.plan.placed) + lasts / PERIOD
    if run.history.writes > most:
        yield f"{run.history.writes} status writes, where {most:.0f} are explained"
    passed = run.stage.now_at_end - run.stage.began
    most_requests = 250 + 8 * passed
    if run.stage.network.requests > most_requests:
        yield f"{run.stage.network.requests} requests in {passed:.0f} s"


def shows_its_errors(run: Run, reference: Reference) -> Iterator[str]:
    """O7: what a vendor answered badly stands in the incident."""
    bad = [each for each in run.stage.network.happened if CATALOG[each.fault].shows]
    # A process that dies before the answer is due has nothing to tell of it.
    alone = len(run.plan.placed) == len(bad) == 1 and not run.scenario.absent
    is_page = alone and bad[0].crossing.label.partition(" ")[2].startswith(TOLD)
    statuses = (status for uid in run.history.uids for status in run.history.statuses(uid))
    if is_page and not _is_gone(run) and not any(map(_tells, statuses)):
        yield f"{bad[0].fault} at {bad[0].crossing.label} stands in no status"


TOLD = ("trigger", "conversations.create", "chat.postMessage")
"""What is said of these outlives them; that an alert's end was told late is over once it was told."""


def _is_gone(run: Run) -> bool:
    """Whether the incident was deleted, so that there is no status that could tell."""
    return any(change.after is None for change in run.history.changes)


def _tells(status: Body) -> bool:
    hops = [hop for page in status.get("pages", ()) for hop in page["hops"]]
    channel = status.get("resources", {}).get("channel", {})
    closings = [hop.get("closing") or {} for hop in hops]
    return (
        any(hop.get("attempts", 0) > 1 or hop.get("reason") or hop.get("uncertain") for hop in hops)
        or any(closing.get("attempts", 0) > 1 for closing in closings)
        or bool(channel.get("reason") or channel.get("attempts") or channel.get("uncertain"))
    )


def leaks_nothing(run: Run, reference: Reference) -> Iterator[str]:
    """O8: no Secret's value in any log, object or metric."""
    values = [value for secret in CANARIES.values() for value in secret.values()]
    values += [ROTATED, "canary-backup-path"]
    places = {
        "a log": "\n".join(run.logs),
        "an object": "".join(
            str(c.after) for c in run.stage.server.store.history if c.resource.kind != "Secret"
        ),
        "a metric": "".join(run.stage.metrics),
    }
    for place, text in places.items():
        for value in values:
            if value in text:
                yield f"a secret's value stands in {place}"
