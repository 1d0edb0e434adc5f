"""Faults of the operator itself, one for each rule of its protocol and more: the harness must find all."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from tests.faults.run_seeds import begun_again, reached, taken_for_done, tried_again
from tests.faults.seeds import (
    DAY,
    Seed,
    by_the_wall,
    early,
    hot,
    name_in_key,
    no,
    nothing,
    random_key,
    recorded_first,
    secrets_in_logs,
    silent_conditions,
    unfenced,
    value,
    without,
    without_nulls,
    yes,
)
from tests.support.seeds import never, never_adopted, never_probed, never_repeated, same_epoch, time_in_key
from watchbill.core.acts import state_said


@dataclass(frozen=True, slots=True)
class Mutant:
    """A fault, and the scenarios in which it is looked for first."""

    seed: Seed
    scenarios: tuple[str, ...]
    faults: tuple[str, ...] = ()
    """The faults that bring it out; a run without any is tried before."""


CRASHES = ("crash-before", "crash-after", "crash-later")

MUTANTS: Mapping[str, Mutant] = {
    "rule 1: outcomes in hand are dropped": Mutant(
        value("shell.unwritten.Unwritten.start", lambda unwritten, key, incident, now: incident.status),
        ("unkeyed", "two-levels"),
        ("409", "reset-before"),
    ),
    "rule 1: only what was accepted is closed": Mutant(
        value("core.ledger.may_be_open", lambda page, hop: hop.state == "Accepted"),
        ("resolve-in-flight", "acknowledge-in-flight", "one-page"),
        (*CRASHES, "broken-after", "silent-after"),
    ),
    "rule 2: the epoch does not grow": Mutant(same_epoch, ("severity-raise", "reopened")),
    "rule 3: what is not found does not exist": Mutant(
        value("shell.observe.Absences.confirm", no), ("furnished-late",), ("stalled", "dropped")
    ),
    "rule 4: a record waits for every vendor": Mutant(
        value("shell.incidents.RECORD_WAIT", 60.0), ("one-page",), ("silent", "slow")
    ),
    "rule 4: a record waits for no vendor": Mutant(value("shell.incidents.RECORD_WAIT", 0.0), ("one-page",)),
    "rule 5: no fresh read precedes a page": Mutant(
        value("shell.fresh.FreshReads.is_unchanged", yes), ("taken-just-in-time",), ("stalled", "dropped")
    ),
    "rule 6: rounds go on while nobody can be seen": Mutant(
        value("core.escalation._is_held", lambda draft: False),
        ("rounds",),
        ("server-down-long", "server-down"),
    ),
    "rule 7: what the watch missed is not looked for": Mutant(
        value("shell.sync.Syncer.resync", no), ("one-page", "two-levels"), ("dropped",)
    ),
    "rule 8: the lease of the dead is never taken": Mutant(
        value(
            "shell.leader.Elector._may_take", lambda elector: elector.holder in ("", elector._name.identity)
        ),
        ("hand-over",),
    ),
    "rule 8: every replica leads": Mutant(
        value("shell.leader.Elector.is_leader", lambda elector: True),
        ("unkeyed@2", "two-levels@2", "hand-over"),
        CRASHES,
    ),
    "rule 9: a claim of another process is never taken": Mutant(
        value("core.delivery.SEND_DEADLINE", DAY), ("unkeyed",), CRASHES
    ),
    "rule 9: the claim of another process is one's own": Mutant(
        value("core.delivery._is_mine", lambda draft, hop: True), ("unkeyed",), CRASHES
    ),
    "rule 10: a page that failed is tried nowhere else": Mutant(
        without("delivered"), ("fallback", "one-page")
    ),
    "rule 11: no resolve is repeated": Mutant(
        value("core.record.REPEATS", ()), ("resolve-in-flight", "one-page", "two-levels"), ("late",)
    ),
    "rule 12: nobody looks at the credential": Mutant(
        value("core.conditions._troubles", lambda draft: iter(())), ("credential-rotated",)
    ),
    "rule 13: every look at an act is a new act": Mutant(
        value("core.acts.digest", lambda found: uuid.uuid4().hex),
        ("reopened", "severity-raise", "one-page"),
    ),
    "rule 14: what is gone is left out": Mutant(
        value("shell.store.merge_patch", without_nulls), ("two-levels", "one-page", "unkeyed")
    ),
    "rule 14: the patch is for any version": Mutant(
        unfenced,
        ("unkeyed@2", "channel@2", "two-levels@2", "acknowledge-in-flight"),
        ("frozen", "frozen-before", "cut-off", "stalled", "acknowledged-meanwhile"),
    ),
    "rule 15: an unmarked channel is never adopted": Mutant(
        never_adopted, ("channel",), (*CRASHES, "broken-after")
    ),
    "rule 16: deadlines run by the machine's clock": Mutant(
        value("shell.clock.Clock.now", by_the_wall), ("two-levels",), ("hour-ahead", "hour-behind")
    ),
    "rule 17: no page leaves without its record": Mutant(
        value("shell.incidents.IncidentKeeper._unwritable", lambda *_: None),
        ("two-levels", "unkeyed"),
        ("no-space", "may-not-write", "server-down", "500"),
    ),
    "rule 18: a page of what is deleted stays open": Mutant(
        value("shell.remains.Remains.resolve", nothing), ("delete-and-recreate",)
    ),
    "rule 19: a key is random": Mutant(value("core.targets.page_key", random_key), ("one-page",), CRASHES),
    "rule 19: a key holds the name in place of the UID": Mutant(
        value("core.targets.page_key", name_in_key), ("delete-and-recreate", "two-incidents")
    ),
    "rule 19: a key holds the time": Mutant(time_in_key, ("one-page", "two-levels"), CRASHES),
    "rule 20: a level that nobody accepted has its time": Mutant(
        value("core.escalation.LEVEL_PATIENCE", DAY), ("unreachable",)
    ),
    "rule 21: a rise plans nothing anew": Mutant(without("severity_changed"), ("severity-raise",)),
    "rule 22: what is pending is sent": Mutant(
        value("core.delivery.is_wanted", lambda draft, page: page.state == "Pending"),
        ("taken-unpaged",),
    ),
    "rule 22: all levels run late": Mutant(value("core.escalation.LATE", DAY), ("overdue",)),
    "an unkeyed page is sent again without a word": Mutant(never_repeated, ("unkeyed",), CRASHES),
    "a post is not looked for before it is sent again": Mutant(
        never_probed, ("channel",), (*CRASHES, "broken-after", "silent-after")
    ),
    "a page is recorded as accepted whatever came": Mutant(
        recorded_first, ("fallback", "one-page"), ("vendor-500", "refused")
    ),
    "what people say of the state is overheard": Mutant(without(state_said.__name__), ("one-page",)),
    "the wake-up of the next level is forgotten": Mutant(
        value("core.escalation.wakeups", never), ("two-levels",)
    ),
    "the wake-up of the next attempt is forgotten": Mutant(
        value("core.delivery.wakeups", never), ("one-page",), ("vendor-500", "refused")
    ),
    "the wake-up of what is to be closed is forgotten": Mutant(
        value("core.closing.wakeups", never), ("one-page",), ("vendor-500", "refused")
    ),
    "the wake-up of the channel is forgotten": Mutant(
        value("core.channel.wakeups", never), ("channel",), ("vendor-500", "broken-before", *CRASHES)
    ),
    "whoever begins to lead looks at nothing": Mutant(
        value("shell.app.App._look_at_everything", nothing), ("hand-over",)
    ),
    "a level opens before its time": Mutant(early, ("two-levels",)),
    "every look is a write": Mutant(hot, ("one-page",)),
    "a secret is logged": Mutant(secrets_in_logs, ("one-page",)),
    "what a vendor answers badly is kept quiet": Mutant(
        silent_conditions, ("one-page",), ("vendor-500", "refused", "broken-after")
    ),
    "runs: a step whose process died is done again": Mutant(
        value("core.runs.stepping.orphaned", begun_again), ("run-call",), CRASHES
    ),
    "runs: what nobody can tell is tried again": Mutant(
        value("core.runs.finishing.unknown", tried_again), ("run-call",), ("broken-after", "silent-after")
    ),
    "runs: what nobody can tell counts as done": Mutant(
        value("core.runs.finishing.unknown", taken_for_done), ("run-patch", "run-call"), ("hang", "silent")
    ),
    "runs: nobody is asked to look": Mutant(
        value("shell.runs.people.People.ask", reached), ("run-call",), ("silent-after",)
    ),
}
