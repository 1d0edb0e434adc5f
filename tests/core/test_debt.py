"""What runs changed for a while is listed on the incident, and keeps it from closing."""

from datetime import timedelta

import pytest

from tests.core.mitigating import OPTIONAL, debt, run, sees
from tests.support.play import ACKNOWLEDGED, begun, condition, events, kinds, passed, phase, said
from watchbill.api.incident_runbooks import MAX_DEBT

SHORT = timedelta(minutes=30)


def test_every_temporary_change_has_an_entry_with_undo_owner_and_expiry():
    told = begun()
    sees(told, run(debt=(debt("flip"), debt("shift", "bo", SHORT))), run("run-2", debt=(debt(),)))
    found = [(each.id, each.owner, each.undo) for each in told.status.debt]
    assert found == [
        ("run-1/shift", "bo", "the undo of step shift"),
        ("run-1/flip", "ana", "the undo of step flip"),
        ("run-2/flip", "ana", "the undo of step flip"),
    ]
    assert all(each.expires_time for each in told.status.debt)
    assert kinds(told).count("DebtOpened") == 1


def test_an_incident_with_open_debt_stays_resolved_and_says_what_to_do():
    told = begun(spec={"severity": "SEV-3"}, **OPTIONAL)
    sees(told, run(debt=(debt(),)))
    said(told, "Resolved")
    passed(told, "3h")
    assert phase(told) == "Resolved"
    closed = condition(told, "Closed")
    assert (closed.status, closed.reason) == ("False", "DebtOpen")
    assert (
        "run-1/flip (flag cart is off; undo: the undo of step flip, owner ana, by 2026-03-10"
        in closed.message
    )
    assert "-p 'spec: {debtSettledBy: {YOU: {entries: [run-1/flip]}}}'" in closed.message
    told.change(debtSettledBy={"bo": {"entries": ["run-1/flip"]}})
    assert (phase(told), told.status.debt) == ("Closed", ())
    assert "bo settled run-1/flip: flag cart is off" in [each.text for each in told.status.timeline]


def test_what_was_undone_is_debt_no_more():
    told = begun(spec={"severity": "SEV-3"}, **OPTIONAL)
    sees(told, run(debt=(debt(),)))
    sees(told, run())
    assert (told.status.debt, condition(told, "Closed").reason) == ((), "NotYet")
    assert kinds(told)[-1] == "DebtSettled"


def test_a_run_that_is_deleted_leaves_its_debt_behind():
    told = begun(spec={"severity": "SEV-3"}, **OPTIONAL)
    sees(told, run(debt=(debt(),)))
    sees(told)
    said(told, "Resolved")
    passed(told, "3h")
    assert (phase(told), [each.id for each in told.status.debt]) == ("Resolved", ["run-1/flip"])
    told.change(debtSettledBy={"bo": {"entries": ["run-1/flip"]}})
    assert phase(told) == "Closed"


def test_who_takes_the_settlement_back_opens_the_debt_again():
    told = begun()
    sees(told, run(debt=(debt(),)))
    told.change(debtSettledBy={"bo": {"entries": ["run-1/flip"]}})
    assert kinds(told)[-1] == "DebtSettled"
    told.change(debtSettledBy={})
    assert [each.id for each in told.status.debt] == ["run-1/flip"]


def test_expiry_reminds_the_owner_once():
    told = begun()
    told.change(**ACKNOWLEDGED)
    sees(told, run(debt=(debt(after=SHORT),)))
    passed(told, "29m")
    assert "DebtExpired" not in events(told)
    passed(told, "1m")
    assert events(told).count("DebtExpired") == 1
    passed(told, "24h")
    assert (events(told).count("DebtExpired"), kinds(told).count("DebtExpired")) == (1, 1)
    (entry,) = [each for each in told.status.timeline if each.kind == "DebtExpired"]
    assert entry.text.startswith(
        "ana must take back run-1/flip (flag cart is off; undo: the undo of step flip"
    )


def test_more_than_can_be_listed_is_counted_and_keeps_it_open_too():
    told = begun(spec={"severity": "SEV-3"}, **OPTIONAL)
    steps = [f"s-{number}" for number in range(MAX_DEBT + 2)]
    sees(told, run(debt=tuple(map(debt, steps))))
    assert (len(told.status.debt), told.status.debt_omitted) == (MAX_DEBT, 2)
    said(told, "Resolved")
    told.change(debtSettledBy={"bo": {"entries": [each.id for each in told.status.debt]}})
    passed(told, "3h")
    assert ([each.step for each in told.status.debt], phase(told)) == (["s-8", "s-9"], "Resolved")


@pytest.mark.parametrize("phase_", ["Resolved", "Closed"])
def test_nothing_closes_before_all_runs_are_known(phase_):
    told = begun(spec={"severity": "SEV-3"}, **OPTIONAL)
    said(told, "Resolved")
    sees(told, complete=phase_ == "Closed")
    passed(told, "3h")
    assert phase(told) == phase_
