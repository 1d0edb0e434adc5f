"""Each rule is taken away, and the test of that rule fails: no rule is there by accident."""

from datetime import timedelta
from functools import partial

import pytest

from tests.core import test_debt as debts
from tests.core import test_marks as marks
from tests.core import test_rules as rules
from tests.core import test_suggestions as suggestions
from tests.support.play import TIMEOUT
from watchbill.core import decide as deciding
from watchbill.core.targets import page_key

DAY = timedelta(days=1)
FAULTS = (AssertionError, RuntimeError, LookupError, ValueError, StopIteration)
COUNTER = iter(range(10**9))

SENT_BUT_NOT_RECORDED = partial(
    rules.test_rule_01_a_page_that_was_sent_and_never_recorded_is_closed, "acknowledge"
)
REOPENED = partial(
    rules.test_rule_02_the_epoch_grows_by_one_and_the_page_gets_a_new_key_at, rules.CAUSES["a reopen"]
)
FRESH_READ = rules.test_rule_05_the_first_page_of_an_epoch_needs_no_fresh_read_and_every_other_does
NEXT_HOP = partial(
    rules.test_rule_10_the_next_hop_starts_at_most_20_s_after_due_and_no_other_once_one_accepted,
    TIMEOUT,
)
UNKNOWN_HOP = partial(rules.test_rule_10_an_unknown_hop_counts_as_open, "acknowledge")

MUTANTS = {
    "rule 1: nothing is presumed": (
        "escalation.presumed",
        lambda draft: draft,
        rules.test_rule_01_levels_that_were_due_by_now_under_the_recorded_status_are_closed_too,
    ),
    "rule 1: a silent level counts as one that has its time": (
        "escalation.LEVEL_PATIENCE",
        DAY,
        rules.test_rule_01_the_level_after_a_silent_one_was_due_as_well,
    ),
    "rule 1: only what was accepted is closed": (
        "ledger.may_be_open",
        lambda page, hop: hop.state == "Accepted",
        SENT_BUT_NOT_RECORDED,
    ),
    "rule 2: the epoch is not in the key": (
        "targets.page_key",
        lambda uid, place, target, connection: page_key(uid, (1, *place[1:]), target, connection),
        REOPENED,
    ),
    "rule 6: rounds go on while nobody can be seen": (
        "escalation._is_held",
        lambda draft: False,
        rules.test_rule_06_without_the_api_server_the_round_ends_once_says_so_and_closes_on_return,
    ),
    "rule 9: a claim of another process is taken at once": (
        "delivery.SEND_DEADLINE",
        timedelta(0),
        rules.test_rule_09_a_foreign_claim_is_unknown_after_10_s_by_the_takers_clock_and_then_sent_as_repeated,
    ),
    "rule 9: a claim of another process is never taken": (
        "delivery.SEND_DEADLINE",
        DAY,
        rules.test_rule_09_a_foreign_claim_is_unknown_after_10_s_by_the_takers_clock_and_then_sent_as_repeated,
    ),
    "rule 10: a hop that hangs is waited for": (
        "delivery.HOP_PATIENCE",
        DAY,
        rules.test_rule_10_a_hop_that_hangs_in_our_own_queue_does_not_hold_the_next_one_longer,
    ),
    "rule 10: what is unknown counts as closed": (
        "ledger.may_be_open",
        lambda page, hop: hop.state == "Accepted",
        UNKNOWN_HOP,
    ),
    "rule 11: no resolve is repeated": (
        "record.REPEATS",
        (),
        rules.test_rule_11_where_a_triggers_outcome_was_unknown_resolve_is_repeated_after_60_s_and_5_min,
    ),
    "rule 12: nobody looks at the credential": (
        "conditions._troubles",
        lambda draft: iter(()),
        rules.test_rule_12_a_credential_that_changed_before_the_end_is_said_with_what_to_close_by_hand,
    ),
    "rule 13: every look at an act is a new act": (
        "acts.digest",
        lambda value: str(next(COUNTER)),
        rules.test_rule_13_an_act_counts_once_in_the_epoch_in_which_its_value_was_first_seen,
    ),
    "rule 16: times are cut off": (
        "acts.ceil_to_millisecond",
        lambda moment: moment.replace(microsecond=0),
        rules.test_rule_16_status_holds_utc_with_milliseconds_rounded_up,
    ),
    "rule 19: a key counts": (
        "targets.page_key",
        lambda uid, place, *_: f"{uid}/{place}/{next(COUNTER)}",
        rules.test_rule_19_keys_stay_the_same_when_targets_are_reordered_and_differ_where_a_connection_is_another,
    ),
    "rule 19: a connection is known by nothing": (
        "targets.page_key",
        lambda uid, place, target, connection: page_key(uid, place, "", ""),
        rules.test_rule_19_keys_stay_the_same_when_targets_are_reordered_and_differ_where_a_connection_is_another,
    ),
    "rule 20: a silent level has its time": (
        "escalation.LEVEL_PATIENCE",
        DAY,
        rules.test_rule_20_a_level_that_nobody_accepted_within_30_s_opens_the_next_at_once,
    ),
    "rule 20: the last resort is paged once": (
        "last_resort.LAST_RESORT_EVERY",
        DAY,
        rules.test_rule_20_the_last_resort_repeats_every_15_min_until_acknowledged,
    ),
    "rule 22: what is pending is sent": (
        "delivery.is_wanted",
        lambda draft, page: page.state == "Pending",
        rules.test_rule_22_what_was_superseded_is_never_sent,
    ),
    "rule 22: all levels run late": (
        "escalation.LATE",
        DAY,
        rules.test_rule_22_after_downtime_only_the_latest_due_level_runs_and_says_late_by,
    ),
}

STEPS = {
    "accepted": SENT_BUT_NOT_RECORDED,
    "severity_changed": rules.test_rule_21_a_rise_plans_anew_and_a_fall_silences_nobody,
    "escalation_requested": FRESH_READ,
    "state_said": REOPENED,
    "mitigated": marks.test_a_later_reopen_is_not_undone_by_an_old_mark_and_is_by_a_newer_one,
    "listed": debts.test_an_incident_with_open_debt_stays_resolved_and_says_what_to_do,
    "reminded": debts.test_expiry_reminds_the_owner_once,
    "suggested": suggestions.test_they_are_listed_by_name_bounded_and_told_of_once,
    "started": suggestions.TestARunbookThatStartsByItself().test_has_one_name_for_each_incident_and_runbook,
    "rescued": rules.test_rule_20_a_last_resort_that_fails_is_followed_by_the_classs_default_escalation,
    "delivered": NEXT_HOP,
    "closing": UNKNOWN_HOP,
    "escalated": rules.test_rule_22_after_downtime_only_the_latest_due_level_runs_and_says_late_by,
}


@pytest.mark.parametrize(("name", "instead", "rule"), MUTANTS.values(), ids=MUTANTS)
def test_a_core_without_this_rule_is_caught(monkeypatch, name, instead, rule):
    rule()
    monkeypatch.setattr(f"watchbill.core.{name}", instead)
    with pytest.raises(FAULTS):
        rule()


@pytest.mark.parametrize(("name", "rule"), STEPS.items(), ids=[f"without the step {name}" for name in STEPS])
def test_a_core_without_this_step_is_caught(monkeypatch, name, rule):
    rule()
    left = tuple(step for step in deciding.STEPS if step.__name__ != name)
    assert len(left) == len(deciding.STEPS) - 1
    monkeypatch.setattr(deciding, "STEPS", left)
    with pytest.raises(FAULTS):
        rule()
