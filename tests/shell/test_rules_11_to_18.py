"""The rules of the delivery protocol (DESIGN §4) that live in the shell, by their numbers: 11 to 18."""

import asyncio
import itertools
import json

import pytest

from tests.shell.fake_api import Fault
from tests.shell.world import OVER, TAKEN, TWO_BY_PAGERDUTY, World, answers, declared, until
from tests.support.apiserver.reading import Request
from tests.support.builders import target
from tests.support.vendor import response
from watchbill.api.condition import find
from watchbill.providers import contract

pytestmark = pytest.mark.usefixtures("soon")


def condition(world: World, type_: str):
    return find(world.stored.conditions, type_)


async def test_rule_11_a_resolve_waits_for_the_trigger_in_flight(world):
    world.furnish(*TWO_BY_PAGERDUTY)
    world.declare()
    gate = world.vendors.hang("events")
    await world.look()
    world.people_say(**OVER)
    await world.look()
    assert world.vendors.arrived == [("events", "trigger")]
    gate.set()
    await world.run()
    assert world.vendors.arrived == [("events", "trigger"), ("events", "resolve")]
    assert world.vendors.keys("resolve") == world.vendors.keys("trigger")


async def test_rule_11_through_another_connection_nothing_waits(world):
    world.furnish(("first", "5m", [target("pagerduty"), target("backup")]))
    world.declare()
    world.vendors.hang("events")
    await world.look()
    await until(lambda: len(world.vendors.arrived) == 2)
    assert sorted(world.vendors.arrived) == [("backup", "trigger"), ("events", "trigger")]


async def test_rule_12_a_secret_that_changed_before_the_resolve_is_told_with_what_to_close(world):
    await declared(world)
    credential = world.stored.pages[0].hops[0].credential
    world.put_secret("routing-key-two")
    world.pass_time(61)
    world.people_say(**OVER)
    await world.run()
    degraded = condition(world, "Degraded")
    assert len(credential) == 8
    assert (degraded.status, degraded.reason) == ("True", "CredentialChanged")
    assert world.vendors.keys("trigger")[0] in degraded.message


async def test_rule_12_a_credential_that_did_not_change_is_no_trouble(world):
    await declared(world)
    world.pass_time(61)
    world.people_say(**OVER)
    await world.run()
    assert condition(world, "Degraded").reason != "CredentialChanged"


async def test_rule_12_a_routing_key_that_pagerduty_refuses_is_read_anew_at_once(world):
    world.furnish(*TWO_BY_PAGERDUTY)
    refused = answers(400, status="invalid event", errors=["Invalid routing key"])
    world.vendors.answer["events"] = lambda request: (
        response(202) if b"routing-key-two" in request.body else refused(request)
    )
    await world.secrets.read("shop", "pagerduty", "routingKey")
    world.put_secret("routing-key-two")
    world.declare()
    await world.run()
    assert [body["routing_key"] for body in world.vendors.bodies] == ["routing-key-one", "routing-key-two"]
    assert world.hops == ["Accepted"]


async def test_rule_12_a_routing_key_that_stays_refused_counts_as_auth(world):
    world.furnish()
    world.vendors.answer["events"] = answers(400, status="invalid event", errors=["Invalid routing key"])
    world.declare()
    await world.run()
    assert world.vendors.arrived == [("events", "trigger"), ("backup", "trigger")]
    assert world.hops == ["Failed", "Accepted"]


async def test_rule_14_the_patch_says_what_is_gone_and_which_version_it_is_for(world):
    patches = []

    async def note(request: Request) -> None:
        if request.method == "PATCH":
            patches.append(json.loads(request.body))

    await declared(world)
    version, world.api.before = world.raw["metadata"]["resourceVersion"], note
    world.people_say(**TAKEN)
    at = str(int(version) + 1)
    await world.run()
    (patch,) = patches
    assert patch["metadata"] == {"resourceVersion": at}
    assert patch["status"]["escalation"]["nextTime"] is None
    assert "class" not in patch["status"]


async def test_rule_14_what_a_newer_operator_wrote_stays(world):
    await declared(world)
    world.raw["status"] |= {"warRoom": {"url": "https://rooms.example.com/1"}}
    world.raw["status"]["pages"][0]["hops"][0]["receipt"] = "r-1"
    world.people_say(**TAKEN)
    await world.run()
    assert world.raw["status"]["warRoom"] == {"url": "https://rooms.example.com/1"}
    assert world.raw["status"]["pages"][0]["hops"][0]["receipt"] == "r-1"
    assert world.stored.phase == "Acknowledged"


async def test_rule_16_a_step_of_the_machines_clock_opens_no_level_and_keeps_none_waiting(world):
    await declared(world, *TWO_BY_PAGERDUTY)
    world.time.wall += 3600
    await world.run()
    assert len(world.vendors.arrived) == 1
    world.time.wall -= 7200
    world.pass_time(301)
    await world.run()
    assert len(world.vendors.arrived) == 2


@pytest.mark.parametrize("status", [422, 413])
async def test_rule_17_a_status_that_is_refused_is_tried_again_without_its_history(world, status):
    await declared(world)
    for number in range(12):
        world.people_say(title=f"title {number}", roles={"commander": ["ana", "bo"][number % 2]})
        await world.run()
    world.api.faults.append(Fault(status, method="PATCH"))
    world.people_say(**TAKEN)
    before = len(world.stored.timeline)
    await world.run()
    assert world.stored.phase == "Acknowledged"
    assert before > 10
    assert len(world.stored.timeline) == 10


@pytest.mark.parametrize("status", [422, 413, 403, 500], ids=["422", "413", "a quota", "a full etcd"])
async def test_rule_17_without_a_record_keyed_pages_never_wait_and_others_go_after_30_s(world, status):
    world.furnish(("first", "5m", [target("pagerduty"), target("backup")]))
    world.declare()
    world.api.faults.append(Fault(status, method="PATCH", times=100))
    await world.run()
    world.pass_time(29)
    await world.run()
    assert world.vendors.arrived == [("events", "trigger")]
    world.pass_time(2)
    await world.run()
    await world.run()
    assert world.vendors.arrived == [("events", "trigger"), ("backup", "trigger")]
    world.api.faults.clear()
    await world.run()
    assert (world.hops, len(world.vendors.arrived)) == (["Accepted", "Accepted"], 2)


async def test_rule_17_somebody_who_writes_without_end_counts_as_a_server_that_takes_no_record(world):
    world.furnish(("first", "5m", [target("pagerduty"), target("backup")]))
    world.declare()
    number = itertools.count()

    async def edit(request: Request) -> None:
        world.people_say(title=f"title {next(number)}")

    async def look() -> None:
        await world.look()
        await world.performer.drain(5)

    world.api.before = edit
    await look()
    world.pass_time(29)
    await look()
    assert world.vendors.arrived == [("events", "trigger")]
    world.pass_time(2)
    await look()
    assert world.vendors.arrived == [("events", "trigger"), ("backup", "trigger")]
    world.api.before = None
    await world.run()
    assert (world.hops, len(world.vendors.arrived)) == (["Accepted", "Accepted"], 2)


@pytest.mark.parametrize("moment", ["recorded", "not recorded", "on its way", "on its way, not recorded"])
async def test_rule_18_the_open_pages_of_a_deleted_incident_are_resolved(world, moment):
    world.furnish(*TWO_BY_PAGERDUTY)
    world.declare()
    gate = asyncio.Event()
    if "on its way" in moment:
        gate = world.vendors.hang("events")
    if "not recorded" in moment:
        world.api.faults.append(Fault(500, method="PATCH"))
    await world.look()
    world.delete()
    gate.set()
    await world.run()
    await until(lambda: len(world.vendors.arrived) == 2)
    assert world.vendors.arrived == [("events", "trigger"), ("events", "resolve")]
    assert world.vendors.keys("resolve") == world.vendors.keys("trigger")


async def test_rule_18_a_resolve_that_fails_is_tried_again_though_no_status_is_left(world):
    await declared(world)
    failures = iter([response(503), response(503), response(202)])
    world.vendors.answer["events"] = lambda request: next(failures)
    world.delete()
    await until(lambda: len(world.vendors.arrived) == 4)
    await world.performer.drain(5)
    assert world.vendors.arrived[1:] == [("events", "resolve")] * 3
    assert world.naps == [1, 2]


async def test_rule_18_a_resolve_is_repeated_where_the_page_may_come_in_after_it(world):
    def late(request: contract.Request) -> contract.Response:
        raise TimeoutError("no answer")

    world.furnish(*TWO_BY_PAGERDUTY)
    world.declare()
    world.vendors.answer["events"] = late
    await world.look()
    await world.performer.drain(5)
    await world.look()
    del world.vendors.answer["events"]
    world.delete()
    await until(lambda: len(world.vendors.keys("resolve")) == 3)
    assert world.naps == [60, 240]


async def test_rule_18_who_does_not_lead_resolves_nothing(world):
    await declared(world)
    world.leads = False
    world.delete()
    await world.performer.drain(5)
    assert world.vendors.arrived == [("events", "trigger")]
