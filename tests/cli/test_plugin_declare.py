"""`declare`: one command with everything defaulted, and an answer to who is being paged."""

from typing import Any

import pytest

from tests.support.plugin_world import NOW, World, incident
from watchbill.cli.plugin.declare import names
from watchbill.cli.plugin.failure import ExitCode


def page(level: str = "primary", **hop: Any) -> Any:
    hops = [{"connection": "pagerduty", "state": "Accepted", "sentTime": NOW} | hop]
    return {"id": "p-1", "epoch": 1, "round": 1, "level": level, "state": hops[0]["state"], "hops": hops}


def test_a_title_is_enough(world: World):
    said = world.types("declare", "Checkout returns 500!", "--wait", "0")
    assert said.exit_code == 0, said.output
    assert said.stdout == "incident.watchbill.dev/checkout-returns-500 declared by ana as SEV-1\n"
    spec = world.object("checkout-returns-500")["spec"]
    assert spec == {"title": "Checkout returns 500!", "severity": "SEV-1", "setBy": {"declaration": "ana"}}


def test_everything_else_can_be_said(world: World):
    more = ["--severity", "SEV-3", "--class", "service", "--name", "c", "--summary", "s", "--mode", "Drill"]
    world.types("declare", "T", *more, "--service", "checkout", "--service", "cart")
    assert world.object("c")["spec"] == {
        "title": "T",
        "severity": "SEV-3",
        "setBy": {"declaration": "ana"},
        "classRef": {"name": "service"},
        "summary": "s",
        "affected": [{"service": "checkout"}, {"service": "cart"}],
        "mode": "Drill",
    }


def test_the_severity_is_the_worst_of_the_default_class_where_that_can_be_read(world: World):
    rows = [{"name": "minor", "rank": 2}, {"name": "major", "rank": 1}]
    annotations = {"watchbill.dev/is-default-class": "true"}
    found = {"metadata": {"name": "service", "annotations": annotations}, "spec": {"severities": rows}}
    other = {"metadata": {"name": "aaa"}, "spec": {"severities": [{"name": "p0", "rank": 1}]}}
    kind = "incidentclasses.watchbill.dev"
    world.save("objects", {f"{kind}/aaa": other, f"{kind}/service": found})
    assert "as major" in world.types("declare", "One", "--wait", "0").stdout
    assert "as p0" in world.types("declare", "Two", "--class", "aaa", "--wait", "0").stdout


def test_the_class_need_not_be_readable(world: World):
    world.fails(get=["Forbidden"])
    assert "as SEV-1" in world.types("declare", "One", "--wait", "0").stdout


def test_an_open_incident_of_the_same_title_is_the_same(world: World):
    at = {"epoch": 1, "state": "Waiting", "level": "primary", "nextTime": "2026-03-09T03:05:00Z"}
    policy = {"levels": [{"name": "primary"}, {"name": "secondary"}]}
    known = incident("checkout-fails", pages=[page()], escalation=at, policy=policy)
    world.save("objects", {"incidents.watchbill.dev/checkout-fails": known})
    said = world.types("declare", "Checkout fails")
    assert said.exit_code == 0
    assert said.stdout.splitlines() == [
        "incident.watchbill.dev/checkout-fails (no change): it is declared, as SEV-1",
        "paging primary: pagerduty accepted at 03:00:00Z",
        "next: secondary at 03:05:00Z, unless somebody acknowledges",
    ]


@pytest.mark.parametrize("phase", ["Resolved", "Closed", "Cancelled"])
def test_what_happens_again_is_another_incident(world: World, phase: str):
    world.save("objects", {"incidents.watchbill.dev/checkout-fails": incident("checkout-fails", phase=phase)})
    assert "checkout-fails-2 declared" in world.types("declare", "Checkout fails", "--wait", "0").stdout


def test_a_name_that_was_given_and_is_taken_by_another_is_refused(world: World):
    world.holds(x=incident())
    said = world.types("declare", "Something else", "--name", "x")
    assert said.exit_code == ExitCode.REFUSED
    assert "already exists" in said.stderr


def test_where_no_page_got_through_in_time_it_says_so(world: World):
    said = world.types("declare", "Checkout fails", "--wait", "0.1")
    assert said.exit_code == 0
    assert "it is not known whether a page got through" in said.stderr


def test_a_page_that_fails_is_told_with_its_reason(world: World):
    failed = page(state="Failed", reason="HTTP401")
    world.save(
        "objects", {"incidents.watchbill.dev/checkout-fails": incident("checkout-fails", pages=[failed])}
    )
    assert "paging primary: pagerduty failed (HTTP401)" in world.types("declare", "Checkout fails").stdout


@pytest.mark.parametrize(
    ("title", "name"),
    [("Checkout: 500s", "checkout-500s"), ("Ausfall für alle", "ausfall-f-r-alle"), ("火事", "incident")],
)
def test_a_name_is_made_from_any_title(title: str, name: str):
    found = names(title)
    assert [next(found), next(found)] == [name, f"{name}-2"]


def test_a_name_has_an_end():
    assert len(next(names("very " * 40))) <= 50
