"""What is kept in memory of each run, for the others of its namespace."""

from typing import Any

from watchbill.shell.runs.others import Others

LOCK = {"key": "deployment/checkout", "state": "Held", "time": "2026-03-09T03:00:00.000Z"}


def run(name: str = "one", incident: str = "", **status: Any) -> dict[str, Any]:
    spec = {"runbookRef": {"name": "book"}} | ({"incidentRef": {"name": incident}} if incident else {})
    metadata = {"name": name, "namespace": "shop", "uid": f"u-{name}"}
    return {"metadata": metadata, "spec": spec, "status": status}


def test_a_run_sees_every_other_one_of_its_namespace():
    others = Others()
    others.told(run("one", phase="Running", lock=LOCK, startedTime="2026-03-09T03:00:01.000Z"))
    others.told(run("two", phase="Succeeded", endedTime="2026-03-09T03:00:02.000Z"))
    others.told(run("three"))
    one, two = others.around("shop", "u-three")
    assert (one.lock is not None, one.is_over, two.is_over) == (True, False, True)
    assert one.started is not None
    assert (two.started, others.around("else", "u-three")) == (None, ())
    assert others.going_on("shop") == ["one", "three"]
    assert others.going_on("shop", "another") == []


def test_only_what_others_wait_for_counts_as_news():
    others = Others()
    assert others.told(run(phase="Pending"))
    assert not others.told(run(phase="Planning"))
    assert others.told(run(phase="Running", lock=LOCK))
    assert others.told(run(phase="Failed", lock=LOCK))


def test_an_incident_is_waited_for_until_the_run_is_taken_on():
    others = Others()
    others.told(run(incident="cart"))
    assert others.waiting_for("shop", "cart") == ["one"]
    assert others.waiting_for("shop", "") == []
    others.told(run(incident="cart", snapshot={}))
    assert others.waiting_for("shop", "cart") == []


def test_a_status_that_nobody_can_read_stops_nothing():
    others = Others()
    assert not others.told(run(phase="Running", startedTime="yesterday"))
    assert others.around("shop", "") == ()


def test_what_is_gone_holds_no_lock():
    others = Others()
    others.told(run(phase="Running", lock=LOCK))
    others.gone("shop", "one")
    assert others.around("shop", "") == ()
