"""The rules of the delivery protocol (DESIGN §4) that live in the shell, by their numbers.

The others: tests/core/test_rules.py; rules 7 and 8 in test_watch.py, test_supervised.py and test_leader.py.
"""

import asyncio
from datetime import timedelta

import httpx
import pytest
from aiohttp import web

from tests.providers.pages import incident, page
from tests.shell.fake_api import Fault
from tests.shell.world import CART, HOLDER, World, answers, until
from tests.support.builders import target
from watchbill.api.condition import find
from watchbill.core.effects import SendPage
from watchbill.core.outcomes import Result
from watchbill.providers.contract import Rate
from watchbill.providers.registry import PROVIDERS
from watchbill.shell.perform import Order
from watchbill.shell.settings import holder_of

TAKEN = {"acknowledgedBy": {"ana": {}}}
OVER = {"state": "Resolved", "stateReason": "over", "setBy": {"state": "ana"}}
TWO_BY_PAGERDUTY = (("first", "5m", [target("pagerduty")]), ("second", "5m", [target("pagerduty")]))
BY_WEBHOOK = ("only", "5m", [target("backup")])


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for a whole second waits for a tenth."""
    monkeypatch.setattr("watchbill.shell.incidents.RECORD_WAIT", 0.1)


async def declared(world: World, *levels, **options) -> World:
    """An incident that has been paged for, and the page recorded."""
    world.furnish(*levels, **options)
    world.declare()
    await world.run()
    return world


def before_the_first_write(world: World, act) -> None:
    """Something happens between the read and the write."""

    async def before(request: web.Request) -> None:
        if request.method == "PATCH":
            world.api.before = None
            act()

    world.api.before = before


def condition(world: World, type_: str):
    return find(world.stored.conditions, type_)


async def test_rule_01_outcomes_in_hand_survive_a_conflict_and_are_decided_on_with_what_has_changed(world):
    world.furnish()
    world.declare()
    before_the_first_write(world, lambda: world.people_say(told=False, **TAKEN))
    await world.look()
    assert world.vendors.arrived == [("events", "trigger"), ("events", "acknowledge")]
    assert world.vendors.keys("acknowledge") == world.vendors.keys("trigger")
    (page,) = world.stored.pages
    assert (page.hops[0].state, page.hops[0].attempts, page.hops[0].closing.state) == ("Accepted", 1, "Done")
    assert world.stored.phase == "Acknowledged"


@pytest.mark.parametrize(("act", "action"), [(TAKEN, "acknowledge"), (OVER, "resolve")])
async def test_rule_01_a_page_that_a_process_sent_and_did_not_record_is_closed_by_the_next(
    world, act, action
):
    world.furnish()
    world.declare()
    world.api.faults.append(Fault(500, method="PATCH"))
    await world.look()
    world.start("operator#2")
    world.people_say(**act)
    await world.run()
    assert world.vendors.keys(action) == world.vendors.keys("trigger")
    assert len(world.vendors.keys("trigger")) == 1


async def test_rule_03_what_is_not_found_is_asked_for_before_any_fallback_is_taken(world):
    world.lags = True
    world.furnish()
    world.lags = False
    world.declare()
    await world.run()
    assert world.vendors.arrived == [("events", "trigger")]
    assert (world.stored.phase, world.hops) == ("Triggered", ["Accepted", "Pending"])


async def test_rule_03_a_connection_that_a_send_misses_is_asked_for_before_the_next_hop_is_tried(world):
    world.lags = True
    world.furnish()
    effect = SendPage(incident(uid="1"), page(connection="pagerduty"), 0, first_of_epoch=True)
    world.cache.upsert("Incident", {"metadata": {"name": "cart", "namespace": "shop", "uid": "1"}, "spec": {}})
    outcome = await world.performer.start(Order(CART, effect, 0))
    assert (outcome.result, world.vendors.arrived) == (Result.OK, [("events", "trigger")])


async def test_rule_04_a_hanging_vendor_does_not_hide_the_phase_and_its_outcome_rides_on_a_later_write(world):
    world.furnish()
    world.declare()
    gate = world.vendors.hang("events")
    await world.look()
    assert (world.stored.phase, world.hops, world.writes) == ("Triggered", ["Sending", "Pending"], 1)
    gate.set()
    await world.run()
    assert (world.hops, world.writes) == (["Accepted", "Pending"], 2)
    assert world.vendors.arrived == [("events", "trigger")]


async def test_rule_04_an_outcome_within_the_second_is_part_of_the_one_write(world):
    await declared(world)
    assert (world.hops, world.writes) == (["Accepted", "Pending"], 1)


async def test_rule_05_every_page_but_an_epochs_first_is_preceded_by_a_fresh_read(world):
    await declared(world, *TWO_BY_PAGERDUTY)
    assert world.requests("GET") == 0
    world.pass_time(301)
    await world.run()
    assert (world.requests("GET"), world.vendors.arrived) == (1, [("events", "trigger")] * 2)


async def test_rule_05_a_page_is_not_sent_where_the_fresh_read_tells_of_an_acknowledgement(world):
    await declared(world, *TWO_BY_PAGERDUTY)
    world.pass_time(301)
    world.people_say(told=False, **TAKEN)
    await world.run()
    assert len(world.vendors.keys("trigger")) == 1
    assert world.vendors.keys("trigger")[0] in world.vendors.keys("acknowledge")
    assert world.stored.phase == "Acknowledged"


@pytest.mark.parametrize("trouble", ["it hangs", "it refuses"])
async def test_rule_05_a_page_goes_out_unread_where_the_server_does_not_answer_in_time(
    world, trouble, monkeypatch
):
    monkeypatch.setattr("watchbill.shell.perform.FRESH_READ", 0.05)
    await declared(world, *TWO_BY_PAGERDUTY)
    world.pass_time(301)

    async def hang(request: web.Request) -> None:
        if request.method == "GET":
            await asyncio.sleep(0.2)

    if trouble == "it hangs":
        world.api.before = hang
    else:
        world.api.faults.append(Fault(429, method="GET"))
    await world.look()
    await world.performer.drain(5)
    assert world.vendors.arrived == [("events", "trigger")] * 2


@pytest.mark.parametrize("cause", ["somebody took it", "another process leads", "it was deleted"])
async def test_rule_05_it_is_asked_again_when_a_page_leaves_the_rate_limiter(world, cause, monkeypatch):
    monkeypatch.setattr(type(PROVIDERS["pagerDuty"]), "rate", Rate(burst=1, per_second=5))
    await declared(world, *TWO_BY_PAGERDUTY)
    world.people_say(escalation={"request": {"reason": "help"}}, setBy={"escalation": "ana"})
    looking = asyncio.create_task(world.look())
    await until(lambda: world.performer.pages_in_flight(world.raw["metadata"]["uid"]))
    if cause == "another process leads":
        world.leads = False
    elif cause == "it was deleted":
        world.delete()
    else:
        world.people_say(**TAKEN)
    await looking
    await world.performer.drain(5)
    assert world.vendors.keys("trigger") == world.vendors.keys("trigger")[:1]


async def test_rule_06_without_the_server_the_round_ends_once_and_is_recorded_and_closed_on_return(world):
    await declared(world)
    world.pass_time(301)
    world.api.silent = True
    for _ in range(4):
        await world.run()
        world.pass_time(200)
    assert len(world.vendors.arrived) == 3
    assert world.vendors.arrived[1:] == [("backup", "trigger"), ("backup", "trigger")]
    assert all("cannot be seen since" in str(body) for body in world.vendors.bodies[1:])
    assert len(world.stored.pages) == 1
    world.people_say(told=False, **TAKEN)
    world.api.silent = False
    await world.run()
    assert [page.level for page in world.stored.pages] == ["primary", "secondary", "lastResort"]
    assert [action for _, action in world.vendors.arrived[3:]] == ["acknowledge"] * 3
    assert world.stored.phase == "Acknowledged"


async def test_rule_06_without_the_server_a_page_without_a_key_goes_once(world):
    def late(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("no answer")

    world.furnish(BY_WEBHOOK, last_resort="pagerduty")
    world.declare()
    world.api.silent = True
    world.vendors.answer["backup"] = late
    for _ in range(5):
        await world.run()
        world.pass_time(5)
    assert world.vendors.arrived == [("backup", "trigger")]


async def test_rule_06_the_last_good_secret_is_used_while_the_server_is_unreachable(world):
    await declared(world, *TWO_BY_PAGERDUTY)
    world.pass_time(301)
    world.api.silent = True
    await world.run()
    assert [body["routing_key"] for body in world.vendors.bodies] == ["routing-key-one"] * 2


async def test_rule_06_it_ends_after_30_minutes(world):
    await declared(world, *TWO_BY_PAGERDUTY)
    await world.lose_the_server()
    world.pass_time(31 * 60)
    assert await world.run() == timedelta(seconds=2)
    assert len(world.vendors.arrived) == 1


async def test_rule_09_a_claim_with_holder_and_time_is_in_etcd_before_the_send(world):
    world.furnish(BY_WEBHOOK)
    world.declare()
    found = []

    def note(request: httpx.Request) -> httpx.Response:
        (hop,) = world.stored.pages[0].hops
        found.append((hop.state, hop.claim.by, world.clock.now() - hop.claim.time < timedelta(seconds=5)))
        return httpx.Response(202)

    world.vendors.answer["backup"] = note
    await world.run()
    assert found == [("Claimed", HOLDER, True)]
    assert (world.hops, world.writes) == (["Accepted"], 2)


async def test_rule_09_a_claim_that_is_lost_to_another_write_sends_nothing(world):
    world.furnish(BY_WEBHOOK)
    world.declare()
    before_the_first_write(world, lambda: world.people_say(told=False, **OVER))
    await world.run()
    assert world.vendors.arrived == []


def test_rule_09_every_process_claims_under_another_name_that_fits_the_ledger():
    names = {holder_of("x" * 300), holder_of("x" * 300)}
    assert len(names) == 2
    assert {len(name) for name in names} == {64}


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
        httpx.Response(202) if b"routing-key-two" in request.content else refused(request)
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

    async def note(request: web.Request) -> None:
        if request.method == "PATCH":
            patches.append(await request.json())

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


@pytest.mark.parametrize("moment", ["recorded", "not recorded", "on its way"])
async def test_rule_18_the_open_pages_of_a_deleted_incident_are_resolved(world, moment):
    world.furnish(*TWO_BY_PAGERDUTY)
    world.declare()
    gate = asyncio.Event()
    if moment == "on its way":
        gate = world.vendors.hang("events")
    if moment == "not recorded":
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
    failures = iter([httpx.Response(503), httpx.Response(503), httpx.Response(202)])
    world.vendors.answer["events"] = lambda request: next(failures)
    world.delete()
    await until(lambda: len(world.vendors.arrived) == 4)
    await world.performer.drain(5)
    assert world.vendors.arrived[1:] == [("events", "resolve")] * 3
    assert world.naps == [1, 2]


async def test_rule_18_who_does_not_lead_resolves_nothing(world):
    await declared(world)
    world.leads = False
    world.delete()
    await world.performer.drain(5)
    assert world.vendors.arrived == [("events", "trigger")]
