"""The rules of the delivery protocol (DESIGN §4) that live in the shell, by their numbers: 1 to 9.

The others: test_rules_11_to_18.py and tests/core/test_rules.py; rules 7 and 8 in test_watch.py,
test_supervised.py and test_leader.py. docs/explanation/rules.md names a test for each.
"""

import asyncio
import itertools
from datetime import timedelta

import pytest

from tests.providers.pages import incident, page
from tests.shell.fake_api import Fault
from tests.shell.world import BY_WEBHOOK, CART, HOLDER, OVER, TAKEN, TWO_BY_PAGERDUTY, World, declared, until
from tests.support.apiserver.reading import Request
from tests.support.vendor import response
from watchbill.core.effects import SendPage
from watchbill.core.outcomes import Result
from watchbill.providers import contract
from watchbill.providers.contract import Rate
from watchbill.providers.registry import PROVIDERS
from watchbill.shell.order import Order
from watchbill.shell.paths import path_of
from watchbill.shell.settings import holder_of

pytestmark = pytest.mark.usefixtures("soon")


def before_the_first_write(world: World, act) -> None:
    """Something happens between the read and the write."""

    async def before(request: Request) -> None:
        if request.method == "PATCH":
            world.api.before = None
            act()

    world.api.before = before


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


async def test_rule_03_nothing_is_decided_before_every_kind_is_synced(found):
    listed = asyncio.Event()

    async def before(request: Request) -> None:
        if request.path.endswith("/incidentupdates"):
            await listed.wait()

    found.api.before = before
    async with found.running(ready=False):
        found.furnish()
        found.declare()
        await until(found.app.elector.is_leader)
        await until(lambda: any(path.endswith("/incidentupdates") for _, path in found.api.requests))
        assert (found.app.queue.active, found.app.queue.depth > 0) == (0, True), "it waits"
        assert (found.status, found.vendors.arrived) == ({}, [])
        listed.set()
        await until(lambda: found.hop == "Accepted")


async def test_rule_01_a_page_on_its_way_is_in_the_first_record_though_its_policy_is_gone(world):
    world.furnish()
    world.declare()
    gate = world.vendors.hang("events")
    looking = asyncio.create_task(world.look())
    await until(lambda: world.vendors.arrived)
    gone = world.api.objects.pop(path_of("EscalationPolicy", "shop", "primary"))
    world.inbox.deliver("EscalationPolicy", "DELETED", gone)
    world.people_say(**TAKEN)
    await looking
    assert (world.stored.phase, world.hops) == ("Acknowledged", ["Sending", "Pending"])
    gate.set()
    await world.run()
    assert world.vendors.arrived == [("events", "trigger"), ("events", "acknowledge")]
    assert world.vendors.keys("acknowledge") == world.vendors.keys("trigger")


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
    world.cache.upsert(
        "Incident", {"metadata": {"name": "cart", "namespace": "shop", "uid": "1"}, "spec": {}}
    )
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


@pytest.mark.parametrize("hears", [True, False])
async def test_rule_05_who_only_corrects_the_text_holds_up_no_page(world, hears):
    await declared(world, *TWO_BY_PAGERDUTY)
    number = itertools.count()

    async def edit(request: Request) -> None:
        if request.method == "GET":
            world.people_say(told=hears, title=f"title {next(number)}", summary="it spreads")

    world.api.before = edit
    world.pass_time(301)
    await world.look()
    assert world.vendors.arrived == [("events", "trigger")] * 2


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


@pytest.mark.parametrize("age", [1.9, 2.1])
async def test_rule_05_a_list_of_a_moment_ago_is_a_fresh_read(world, age):
    await declared(world, *TWO_BY_PAGERDUTY)
    world.pass_time(301)
    world.outside.fresh.note(CART, world.clock.monotonic() - age)
    await world.run()
    assert world.vendors.arrived == [("events", "trigger")] * 2
    assert world.requests("GET") == (0 if age < 2 else 1)


@pytest.mark.parametrize("trouble", ["it hangs", "it refuses"])
async def test_rule_05_a_page_goes_out_unread_where_the_server_does_not_answer_in_time(
    world, trouble, monkeypatch
):
    monkeypatch.setattr("watchbill.shell.fresh.FRESH_READ", 0.05)
    monkeypatch.setattr("watchbill.shell.secrets.REREAD_TIMEOUT", 0.05)
    await declared(world, *TWO_BY_PAGERDUTY)
    world.pass_time(301)

    answered = asyncio.Event()

    async def hang(request: Request) -> None:
        if request.method == "GET" and request.path.endswith(("incidents/cart", "secrets/pagerduty")):
            await answered.wait()

    if trouble == "it hangs":
        world.api.before = hang
    else:
        world.api.faults.append(Fault(429, method="GET"))
    looking = asyncio.create_task(world.look())
    try:
        await until(lambda: world.vendors.arrived == [("events", "trigger")] * 2)
    finally:
        answered.set()
        await looking


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


async def test_rule_06_a_level_that_was_opened_without_the_server_is_recorded_by_who_leads_no_more(world):
    await declared(world, *TWO_BY_PAGERDUTY)
    world.pass_time(301)
    world.api.silent = True
    await world.run()
    opened = world.clock.now()
    world.pass_time(60)
    world.api.silent, world.leads = False, False
    await world.run()
    assert [page.level for page in world.stored.pages] == ["first", "second"]
    assert world.stored.escalation.level == "second"
    assert world.stored.escalation.opened_time <= opened


async def test_rule_06_without_the_server_a_page_without_a_key_goes_once(world):
    def late(request: contract.Request) -> contract.Response:
        raise TimeoutError("no answer")

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

    def note(request: contract.Request) -> contract.Response:
        (hop,) = world.stored.pages[0].hops
        found.append((hop.state, hop.claim.by, world.clock.now() - hop.claim.time < timedelta(seconds=5)))
        return response(202)

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


async def test_rule_09_a_standby_has_watched_a_claim_before_it_leads_and_waits_no_longer_for_it(world):
    world.furnish(BY_WEBHOOK)
    world.declare()
    gate = world.vendors.hang("backup")
    await asyncio.wait_for(world.look(), 5)
    await until(lambda: world.hops == ["Claimed"])
    dead = world.performer
    world.start("operator#2")
    world.leads = False
    await world.look()
    world.pass_time(10)
    world.leads = True
    gate.set()
    await world.run()
    await dead.drain(5)
    assert len(world.vendors.arrived) == 2
    assert "repeated" in world.vendors.bodies[-1]["data"]["text"]


def test_rule_09_every_process_claims_under_another_name_that_fits_the_ledger():
    names = {holder_of("x" * 300), holder_of("x" * 300)}
    assert len(names) == 2
    assert {len(name) for name in names} == {64}
