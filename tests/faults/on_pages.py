"""The oracles of who was paged, how often, and when."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

from tests.faults.play import Run
from tests.faults.runs import LATEST, Body, Reference, entries, levels_of
from tests.faults.vendors import Arrival
from watchbill.shell.fresh import FRESH_READ

SEEN_AFTER = 0.5
"""Seconds after which what somebody has said must be known to whoever pages."""

REACHED_WITHIN = 30.0
"""Seconds within which a level must be reached, for else the next one opens at once."""

MILLISECOND = 0.001


def loses_no_page(run: Run, reference: Reference) -> Iterator[str]:
    """O2: every page that was demanded arrived, and in time."""
    if run.missing.startswith("a page"):
        yield f"{run.missing} never came"
    elsewhere = {level for level in run.stage.instead if not _had_no_time(run, level)}
    if elsewhere and not any(entry.moves for entry in entries(run)):
        yield f"somebody else was paged instead of level {', '.join(sorted(elsewhere))}"
    allowed = LATEST * max(len(run.plan.placed), 1) + sum(entry.lasts for entry in entries(run))
    for what, due, came in run.stage.waits:
        if what.startswith("a page") and came - due > allowed:
            yield f"{what} came {came - due:.1f} s late, where {allowed:.0f} s were allowed"


def _had_no_time(run: Run, level: str) -> bool:
    """Whether a level could not be paged in its own time, a share of which has to do with real processes.

    A dead process's claim, and an answer that does not come, are waited for 10 s (rule 9).
    """
    is_claimed = any(
        page["level"] == level and hop.get("unkeyed") and "claim" in hop for page, hop in run.history.hops()
    )
    is_waited_for = is_claimed or any(entry.unanswered for entry in entries(run))
    return is_waited_for and run.stage.pace.share < 1


def repeats_nothing(run: Run, reference: Reference) -> Iterator[str]:
    """O3: one key for each page; without a key a second time only after an unknown outcome, and said so."""
    if not run.plan.placed and levels_of(run) != reference.levels:
        yield f"paged {set(levels_of(run)) ^ set(reference.levels)} more or less"
    recorded = {hop["key"]: hop for _, hop in run.history.hops()}
    by_key: defaultdict[str, list[Arrival]] = defaultdict(list)
    for page in sorted(run.stage.vendors.pages, key=lambda page: page.begun):
        by_key[page.key].append(page)
    for key, pages in by_key.items():
        if key not in recorded and pages[0].uid in run.stage.declared and not run.scenario.forgets:
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
        for page in (each for each in during if each.uid in run.stage.declared):
            rounds = {each.round for each in before + during if each.uid == page.uid and each != page}
            if rounds and page.round > min(rounds | {page.round}) + 1:
                yield f"round {page.round} was begun while acknowledgements could not be seen: {page.key}"


def _repeated(run: Run, pages: list[Arrival]) -> Iterator[str]:
    for before, page in pairwise(pages):
        # Whoever cannot reach the API server cannot tell anybody what was sent, nor be told.
        unrecorded = before.by != page.by and any(entry.blinds for entry in entries(run))
        if not page.is_repeated and not unrecorded and not _was_refused(run):
            yield f"{page.key} was paged again without a word of it"
        states = _hops_at(run, page.key, page.begun)
        if "Accepted" in states:
            yield f"{page.key} was paged again {page.time - before.time:.1f} s after it was accepted"


def _was_refused(run: Run) -> bool:
    """Whether a vendor took what it said that it did not (RFC 9110 §15.6.4 knows no such 503)."""
    return any(placed.fault == "vendor-503-taken" for placed in run.plan.placed)


def _hops_at(run: Run, key: str, moment: float) -> set[str]:
    """The state in which the key's hop was recorded before a moment."""
    found: set[str] = set()
    for uid in run.history.uids:
        for status in run.history.statuses(uid):
            if _written_at(run, status) > moment - SEEN_AFTER:
                continue
            for page in status.get("pages", ()):
                found |= {hop["state"] for hop in page["hops"] if hop["key"] == key and hop.get("sentTime")}
    return found


def _written_at(run: Run, status: Body) -> float:
    """When a status was written, at the latest: after all that it tells of."""
    times = [entry["time"] for entry in status.get("timeline", ())]
    return max((run.stage.moment(time) for time in times), default=0.0)


def pages_no_ghost(run: Run, reference: Reference) -> Iterator[str]:
    """O4: nobody is paged for what was taken or is over, and no alert stays open that should be closed."""
    if not run.scenario.taken_is_silent:
        return
    for page in run.stage.vendors.pages:
        said = run.stage.said.get(page.uid)
        if said is not None and page.begun > said + _seen_after(run) and not _was_blind(run, page):
            yield f"{page.key} was paged {page.begun - said:.1f} s after somebody had taken it"


def _seen_after(run: Run) -> float:
    """Seconds after which it must be known: what the first lists of a process told is fresh for so long."""
    return SEEN_AFTER if all(len(operator.past) == 1 for operator in run.stage.operators) else FRESH_READ


def _was_blind(run: Run, page: Arrival) -> bool:
    """Whether what was said could not be seen: the page's own look was cut off, or it needs none."""
    stalled = any(entry.blinds and entry.group == "watch" for entry in entries(run))
    cut_off = any(entry.blinds and entry.group != "watch" for entry in entries(run))
    unread = any(each.crossing.kind == "read" for each in run.stage.network.happened)
    return cut_off or unread or (stalled and page.level == "first")


def fires_nothing_early(run: Run, reference: Reference) -> Iterator[str]:
    """O9: nobody is paged before the page is due, nor is a level opened before its time."""
    due = {hop["key"]: run.stage.moment(page["dueTime"]) for page, hop in run.history.hops()}
    is_one_process = all(len(operator.past) == 1 for operator in run.stage.operators)
    for page in run.stage.vendors.pages:
        # A first level that was sent and not recorded yet is due anew by whoever looks next.
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
