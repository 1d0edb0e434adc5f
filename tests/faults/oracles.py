"""What must be true of every run, whatever went wrong in it (O1–O9 of the project's research on operators)."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dev.fake_slack_shapes import Channel
from tests.faults.catalog import CATALOG, Entry
from tests.faults.operators import EPOCH
from tests.faults.play import Run
from tests.faults.stage import CANARIES, ROTATED
from tests.faults.vendors import Arrival
from tests.support.apiserver.resources import RESOURCES

TIME = re.compile(r"^\d\d:\d\d UTC: ")

LATEST = 20.0
"""Seconds by which a crash may delay a page (F66)."""

SEEN_AFTER = 0.5
"""Seconds after which what somebody has said must be known to whoever pages."""

WRITES = 6
"""Status writes that one fault may cost beyond those of a run without any."""

REACHED_WITHIN = 30.0
"""Seconds within which a level must be reached, for else the next one opens at once."""

RECORDED_WITHIN = 3.0
"""Seconds within which an act is recorded, however a vendor answers."""

MILLISECOND = 0.001

PERIOD = 2.0
"""Seconds between two tries of a write that cannot succeed while a fault lasts."""

Body = dict[str, Any]
Rooms = list[tuple[str, bool, list[str]]]
"""(name, whether it is archived, lines) of each channel."""


@dataclass(frozen=True, slots=True)
class Reference:
    """What a scenario costs and ends in when nothing goes wrong."""

    writes: int
    end: Body
    levels: tuple[str, ...]
    """The keys of all pages without their targets."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one oracle found wrong."""

    oracle: str
    text: str

    def __str__(self) -> str:
        return f"{self.oracle}: {self.text}"


def entries(run: Run) -> list[Entry]:
    """The faults of a run's plan."""
    return [CATALOG[placed.fault] for placed in run.plan.placed]


def end_of(run: Run) -> Body:
    """What a run ended in, with all that a fault may rightly change left out."""
    stage = run.stage
    resource = next(each for each in RESOURCES if each.plural == "incidents")
    found = {key: body.get("status", {}) for key, body in stage.server.store.all(resource)}
    channels = [c for c in stage.vendors.slack.channels if c.said]
    return {
        "phases": {key: status.get("phase") for key, status in found.items()},
        "escalation": {key: status.get("escalation", {}).get("state") for key, status in found.items()},
        "next": {key: status.get("escalation", {}).get("nextTime") for key, status in found.items()},
        "open alerts": len(stage.vendors.open_alerts),
        "channels": [(c.name, c.is_archived, _said(c)) for c in channels],
    }


def _said(channel: Channel) -> list[str]:
    """What was said in a channel, line by line, without the times; several posts or one make no difference."""
    return sorted(TIME.sub("", line) for each in channel.said for line in each["text"].splitlines())


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
            if what == "channels" or (what == "open alerts" and _was_unseen(run)):
                continue
            if end[what] != wanted:
                yield f"{what}: {end[what]} instead of {wanted}"
        yield from _acts_wait(run)
        yield from _channels_differ(end["channels"], reference.end["channels"], run)


def _was_unseen(run: Run) -> bool:
    """Whether an incident may have been deleted while no process was there to see it."""
    absences = ("crash", "replicas", "environment", "time")
    return run.scenario.forgets and any(entry.group in absences for entry in entries(run))


def _acts_wait(run: Run) -> Iterator[str]:
    """What people have said and is recorded late: a record waits a second for a vendor (DESIGN §4, rule 4)."""
    others = [entry for entry in entries(run) if entry.group != "effect reply"]
    allowed = RECORDED_WITHIN + sum(LATEST + entry.lasts for entry in others)
    for what, due, came in run.stage.waits:
        if not what.startswith("a page") and came - due > allowed:
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


def loses_no_page(run: Run, reference: Reference) -> Iterator[str]:
    """O2: every page that was demanded arrived, and in time."""
    if run.missing.startswith("a page"):
        yield f"{run.missing} never came"
    elsewhere = run.stage.instead
    if elsewhere and not any(entry.moves for entry in entries(run)):
        yield f"somebody else was paged instead of level {', '.join(sorted(elsewhere))}"
    allowed = LATEST + sum(entry.lasts for entry in entries(run))
    for what, due, came in run.stage.waits:
        if what.startswith("a page") and came - due > allowed:
            yield f"{what} came {came - due:.1f} s late, where {allowed:.0f} s were allowed"


def repeats_nothing(run: Run, reference: Reference) -> Iterator[str]:
    """O3: one key for each page; without a key a second time only after an unknown outcome, and said so."""
    if not run.plan.placed and levels_of(run) != reference.levels:
        yield f"paged {set(levels_of(run)) ^ set(reference.levels)} more or less"
    recorded = {hop["key"]: hop for _, hop in run.history.hops()}
    by_key: defaultdict[str, list[Arrival]] = defaultdict(list)
    for page in run.stage.vendors.pages:
        by_key[page.key].append(page)
    for key, pages in by_key.items():
        if key not in recorded:
            yield f"the page under {key} stands in no record"
        if pages[0].vendor == "backup":
            yield from _repeated(run, pages)
    yield from _rounds_while_blind(run)
    for channel in run.stage.vendors.slack.channels:
        texts = [(each.get("metadata") or {}).get("event_payload", {}).get("number") for each in channel.said]
        numbers = [number for number in texts if number is not None]
        if len(numbers) != len(set(numbers)):
            yield f"channel {channel.name} was told something twice"
    marked = [c for c in run.stage.vendors.slack.channels if c.said]
    if len(marked) > 1:
        yield f"there are {len(marked)} channels: {[c.name for c in marked]}"


def _rounds_while_blind(run: Run) -> Iterator[str]:
    """Pages of a round that was begun while nobody could be seen (DESIGN §4, rule 6)."""
    for since, until in run.stage.outages:
        during = [page for page in run.stage.vendors.pages if since + SEEN_AFTER < page.begun < until]
        before = [page for page in run.stage.vendors.pages if page.begun <= since + SEEN_AFTER]
        for page in during:
            rounds = {each.round for each in before + during if each.uid == page.uid and each != page}
            if rounds and page.round > min(rounds | {page.round}) + 1:
                yield f"round {page.round} was begun while acknowledgements could not be seen: {page.key}"


def _repeated(run: Run, pages: list[Arrival]) -> Iterator[str]:
    for before, page in zip(pages, pages[1:], strict=False):
        if not page.is_repeated:
            yield f"{page.key} was paged again without a word of it"
        states = _hops_at(run, page.key, page.begun)
        if "Accepted" in states:
            yield f"{page.key} was paged again {page.time - before.time:.1f} s after it was accepted"


def _hops_at(run: Run, key: str, moment: float) -> set[str]:
    """The state in which the key's hop was recorded before a moment."""
    found: set[str] = set()
    for uid in run.history.uids:
        for status in run.history.statuses(uid):
            if _written_at(status) > moment - SEEN_AFTER:
                continue
            for page in status.get("pages", ()):
                found |= {hop["state"] for hop in page["hops"] if hop["key"] == key and hop.get("sentTime")}
    return found


def _written_at(status: Body) -> float:
    """When a status was written, at the latest: after all that it tells of."""
    times = [entry["time"] for entry in status.get("timeline", ())]
    return max((_seconds(time) for time in times), default=0.0)


def pages_no_ghost(run: Run, reference: Reference) -> Iterator[str]:
    """O4: nobody is paged for what was taken or is over, and no alert stays open that should be closed."""
    if not run.scenario.taken_is_silent:
        return
    for page in run.stage.vendors.pages:
        said = run.stage.said.get(page.uid)
        if said is not None and page.begun > said + SEEN_AFTER and not _was_blind(run, page):
            yield f"{page.key} was paged {page.begun - said:.1f} s after somebody had taken it"


def _was_blind(run: Run, page: Arrival) -> bool:
    """Whether what was said could not be seen: the page's own look was cut off, or it needs none."""
    stalled = any(entry.blinds and entry.group == "watch" for entry in entries(run))
    cut_off = any(entry.blinds and entry.group != "watch" for entry in entries(run))
    unread = any(crossing.kind == "read" for _, crossing in run.stage.network.happened)
    return cut_off or unread or (stalled and page.level == "first")


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
    """Whether the server refused a status as it was, so that one without its history was written (rule 17)."""
    return any(placed.fault in ("413", "422", "too-large") for placed in run.plan.placed)


def _transitions(status: Body) -> dict[str, str]:
    return {each["type"]: each["lastTransitionTime"] for each in status.get("conditions", ())}


def is_no_loop(run: Run, reference: Reference) -> Iterator[str]:
    """O6: no more writes than a fault can explain."""
    lasts = sum(entry.lasts for entry in entries(run))
    most = reference.writes + WRITES * len(run.plan.placed) + lasts / PERIOD
    if run.history.writes > most:
        yield f"{run.history.writes} status writes, where {most:.0f} are explained"
    virtual = run.stage.now_at_end - 1000.0
    most_requests = 250 + 8 * virtual
    if run.stage.network.requests > most_requests:
        yield f"{run.stage.network.requests} requests in {virtual:.0f} s"


def shows_its_errors(run: Run, reference: Reference) -> Iterator[str]:
    """O7: what a vendor answered badly stands in the incident."""
    happened = {crossing.number for _, crossing in run.stage.network.happened}
    bad = [p for p in run.plan.placed if CATALOG[p.fault].shows and p.number in happened]
    alone = len(run.plan.placed) == len(bad) == 1
    is_page = alone and run.crossings[bad[0].number].label.partition(" ")[2].startswith(TOLD)
    if is_page and not any(_tells(status) for uid in run.history.uids for status in run.history.statuses(uid)):
        if not _is_gone(run):
            yield f"{bad[0].fault} at {run.crossings[bad[0].number].label} stands in no status"


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
        "an object": "".join(str(c.after) for c in run.stage.server.store.history if c.resource.kind != "Secret"),
        "a metric": "".join(run.stage.metrics),
    }
    for place, text in places.items():
        for value in values:
            if value in text:
                yield f"a secret's value stands in {place}"


def fires_nothing_early(run: Run, reference: Reference) -> Iterator[str]:
    """O9: nobody is paged before the page is due, nor is a level opened before its time."""
    due = {hop["key"]: _seconds(page["dueTime"]) for page, hop in run.history.hops()}
    is_one_process = all(len(operator.past) == 1 for operator in run.stage.operators)
    for page in run.stage.vendors.pages:
        # What was sent and not recorded yet is due anew by whoever looks next; of a first level nothing else is.
        counts = is_one_process and page.level != "first"
        if counts and page.time < due.get(page.key, 0.0) - MILLISECOND and not _clock_was_wrong(run):
            yield f"{page.key} was paged {due[page.key] - page.time:.3f} s early"
        declared = run.stage.declared.get(page.uid, 0.0)
        opens = declared + run.stage.delays.get(page.level, 0.0)
        if page.begun < opens - MILLISECOND and _was_reached(run, page, declared):
            yield f"level {page.level} was paged {opens - page.begun:.1f} s early"


def _was_reached(run: Run, page: Arrival, declared: float) -> bool:
    """Whether somebody of the level before was, so that this one had to wait (DESIGN §4, rule 20)."""
    order = list(run.stage.delays)
    if page.level not in order[1:] or any(entry.moves or entry.edits for entry in entries(run)):
        return False
    before = order[order.index(page.level) - 1]
    latest = declared + run.stage.delays[before] + REACHED_WITHIN
    return any(each.time < latest for each in run.stage.vendors.paged(before, page.uid))


def _clock_was_wrong(run: Run) -> bool:
    return any(entry.group == "time" for entry in entries(run))


def _seconds(time: str) -> float:
    """The loop's time at a moment."""
    return datetime.fromisoformat(time).timestamp() - EPOCH


Oracle = Callable[[Run, Reference], Iterator[str]]

ORACLES: Mapping[str, Oracle] = {
    "O1 converges": converges,
    "O2 no lost page": loses_no_page,
    "O3 no duplicate": repeats_nothing,
    "O4 no ghost": pages_no_ghost,
    "O5 monotone": never_goes_back,
    "O6 no hot loop": is_no_loop,
    "O7 errors shown": shows_its_errors,
    "O8 no leak": leaks_nothing,
    "O9 never early": fires_nothing_early,
}


def judged(run: Run, reference: Reference) -> list[Finding]:
    """What is wrong with a run; nothing, as a rule."""
    return [
        Finding(name, text) for name, oracle in ORACLES.items() for text in oracle(run, reference)
    ]


def reference_of(run: Run) -> Reference:
    """What a run without a fault is the reference for."""
    return Reference(run.history.writes, end_of(run), levels_of(run))


def levels_of(run: Run) -> tuple[str, ...]:
    """Which levels of which rounds and epochs were paged, for which incident."""
    return tuple(sorted({page.key.rpartition("/")[0] for page in run.stage.vendors.pages}))
