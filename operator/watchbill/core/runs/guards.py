"""What keeps the next step from starting: a pause, a lock, a cooldown, a cap, a breaker."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from watchbill.api.durations import parse_duration
from watchbill.api.run_reasons import RunReason
from watchbill.api.runbook_run_status import Lock
from watchbill.api.safety import Safety
from watchbill.core.runs.draft import RunDraft, facts_of, scope_of
from watchbill.core.runs.observation import OtherRun
from watchbill.core.runs.output import masked
from watchbill.core.runs.pinning import Block
from watchbill.core.steps.rendering import text

HOUR = timedelta(hours=1)
FAILED = ("Failed", "Undone")


def paused(draft: RunDraft) -> Block | None:
    """The pause of all runs, or of those of this runbook as it is now; None where there is none."""
    if draft.observation.pause:
        return Block(RunReason.PAUSED, f"all runs are paused: {draft.observation.pause}")
    book = draft.observation.runbook
    requests = book.spec.safety.pause_requests if book is not None and book.spec.safety is not None else ()
    return Block(RunReason.PAUSED, f"the runbook is paused: {'; '.join(requests)}") if requests else None


def limited(draft: RunDraft) -> Block | None:
    """The limit of the runbook that keeps the run from starting to act; None where there is none."""
    safety = draft.runbook.safety or Safety()
    for found in (
        _cooling(draft, safety),
        _capped(draft, safety),
        _broken(draft, safety),
        _crowded(draft, safety),
    ):
        if found is not None:
            return found
    return None


def locking(draft: RunDraft) -> tuple[RunDraft, Block | None]:
    """The draft with its lock a step further: wanted, then held once nobody else can hold it.

    Wanting is written before all runs are asked for anew. So of two runs at least the later one sees the
    other, and the order is the same for both: who wanted it first, and of the same moment the lesser UID.
    """
    lock = draft.status.lock
    if lock is None:
        lock = Lock(key=lock_key(draft), state="Wanted", time=draft.now)
        return draft.having(lock=lock), Block(RunReason.LOCKED, f"waits for the lock {lock.key}")
    if lock.state == "Held":
        return draft, None
    before = [other.name for other in _same_lock(draft, lock.key) if _comes_first(draft, other, lock)]
    if before:
        return draft, Block(RunReason.LOCKED, f"run {before[0]} holds the lock {lock.key} or wanted it first")
    asked = draft.observation.others_time
    if asked is None or asked <= lock.time:
        return draft, Block(RunReason.LOCKED, f"waits for the lock {lock.key}")
    return draft.having(lock=lock.model_copy(update={"state": "Held"})), None


def lock_key(draft: RunDraft) -> str:
    """What no two runs act on at a time: as the runbook says, else the runbook itself."""
    safety = draft.runbook.safety
    if safety is None or safety.lock_key is None:
        return f"runbook/{draft.spec.runbook_ref.name}"
    return masked(text(safety.lock_key, scope_of(draft)), facts_of(draft).masked)[:253]


def wants_others(draft: RunDraft) -> bool:
    """Whether all runs must be asked for anew before the lock can be held."""
    lock, asked = draft.status.lock, draft.observation.others_time
    return lock is not None and lock.state == "Wanted" and (asked is None or asked <= lock.time)


def wakeups(draft: RunDraft) -> Iterator[datetime]:
    """The moments at which a limit ends by the passing of time alone."""
    safety = draft.runbook.safety or Safety()
    for other in draft.observation.others:
        if safety.cooldown is not None and other.ended is not None:
            yield other.ended + parse_duration(safety.cooldown)
        if safety.max_per_hour is not None and other.started is not None:
            yield other.started + HOUR
        if safety.breaker is not None and other.ended is not None:
            yield other.ended + parse_duration(safety.breaker.for_)


def _same_lock(draft: RunDraft, key: str) -> list[OtherRun]:
    return [
        other
        for other in draft.observation.others
        if other.lock is not None and other.lock.key == key and not other.is_over
    ]


def _comes_first(draft: RunDraft, other: OtherRun, lock: Lock) -> bool:
    assert other.lock is not None
    if other.lock.state == "Held":
        return True
    return (other.lock.time, other.uid) < (lock.time, draft.observation.run.metadata.uid)


def _siblings(draft: RunDraft) -> list[OtherRun]:
    """The other runs of the same runbook that have acted."""
    name = draft.spec.runbook_ref.name
    return [each for each in draft.observation.others if each.runbook == name and each.started is not None]


def _cooling(draft: RunDraft, safety: Safety) -> Block | None:
    if safety.cooldown is None:
        return None
    length, key = parse_duration(safety.cooldown), lock_key(draft)
    ended = [
        other.ended
        for other in draft.observation.others
        if other.started and other.ended and other.lock and other.lock.key == key
    ]
    end = max(ended) + length if ended else None
    if end is None or end <= draft.now:
        return None
    return Block(
        RunReason.COOLDOWN, f"{key} was acted on a short while ago: it may be again at {end:%H:%M:%S} UTC"
    )


def _capped(draft: RunDraft, safety: Safety) -> Block | None:
    if safety.max_per_hour is None:
        return None
    started = [s for each in _siblings(draft) if (s := each.started) and s + HOUR > draft.now]
    if len(started) < safety.max_per_hour:
        return None
    return Block(RunReason.HOURLY_CAP, f"{len(started)} runs started within the hour, as many as may")


def _broken(draft: RunDraft, safety: Safety) -> Block | None:
    breaker = safety.breaker
    if breaker is None:
        return None
    ended = sorted((e, each.phase) for each in _siblings(draft) if (e := each.ended))
    last = ended[-breaker.failures :]
    if len(last) < breaker.failures or any(phase not in FAILED for _, phase in last):
        return None
    end = last[-1][0] + parse_duration(breaker.for_)
    said = f"the last {len(last)} runs failed: it is left alone until {end:%H:%M:%S} UTC"
    return Block(RunReason.BREAKER_OPEN, said) if end > draft.now else None


def _crowded(draft: RunDraft, safety: Safety) -> Block | None:
    if safety.max_concurrent is None:
        return None
    active = [each.name for each in _siblings(draft) if not each.is_over]
    if len(active) < safety.max_concurrent:
        return None
    return Block(RunReason.TOO_MANY_RUNS, f"runs act already: {', '.join(active)}")
