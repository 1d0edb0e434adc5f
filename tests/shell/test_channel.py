"""A channel in the loop: it follows the record, waits for no record of its own, and delays nobody."""

import asyncio
import json

import pytest

from tests.providers.talking import no
from tests.shell.fake_api import Fault
from tests.shell.world import CART, OVER, TAKEN, World, answers, slack_says
from tests.support.vendor import asked_path, response
from watchbill.api.resources import Channel
from watchbill.core.effects import ConnectionKey
from watchbill.providers.contract import Request, Response
from watchbill.shell.cache import ObjectKey
from watchbill.shell.claims import ChannelClaims
from watchbill.shell.dependants import waiting_incidents
from watchbill.shell.paths import path_of

MADE = ["auth.test", "conversations.create", "conversations.setPurpose"]
TOLD = ["chat.postMessage", "conversations.setTopic"]


@pytest.fixture
def room(world: World) -> World:
    """An incident of a class with a channel, declared and not yet looked at."""
    world.furnish()
    world.furnish_room()
    world.declare()
    return world


def channel(world: World) -> Channel:
    found = world.stored.resources.channel
    assert found is not None
    return found


async def test_a_channel_costs_one_write_until_it_is_archived_and_two_in_all(room: World):
    await room.run()
    assert room.vendors.asked == MADE + TOLD
    assert (channel(room).state, channel(room).url) == ("Ready", "https://example.slack.com/archives/C1")
    assert room.writes == 2
    assert channel(room).posted == 0, "that it was posted rides on the next write"
    room.people_say(**TAKEN)
    await room.run()
    room.people_say(**OVER)
    await room.run()
    assert room.writes == 4
    assert room.vendors.asked[len(MADE + TOLD) :] == ["chat.postMessage"] * 2


async def test_nothing_is_asked_of_the_chat_before_its_claim_is_in_etcd(room: World):
    room.api.faults.append(Fault(500, method="PATCH", times=9))
    await room.look()
    await room.performer.drain(5)
    assert ("events", "trigger") in room.vendors.arrived, "the page does not wait"
    assert room.vendors.asked == []


async def test_a_hanging_chat_delays_no_page_and_no_record(room: World):
    gate = room.vendors.hang("slack")
    await room.look()
    room.people_say(**TAKEN)
    await room.look()
    assert (room.stored.phase, room.writes) == ("Acknowledged", 2)
    assert [action for vendor, action in room.vendors.arrived if vendor == "events"] == [
        "trigger",
        "acknowledge",
    ]
    gate.set()
    await room.run()
    assert channel(room).state == "Ready"


async def test_what_was_told_and_not_recorded_is_written_when_the_process_stops(room: World):
    await room.run()
    room.people_say(**TAKEN)
    await room.run()
    assert room.cache.get(*CART) is None, "it rests, though an outcome is in hand"
    assert channel(room).claim is not None
    await room.keeper.record_rest()
    assert channel(room).claim is None
    assert channel(room).posted == channel(room).posting > 1


async def test_the_next_process_looks_for_a_post_that_was_not_recorded(room: World):
    await room.run()
    await room.stop()
    room.start("operator#2")
    await room.run()
    assert room.vendors.asked == MADE + TOLD, "it waits one deadline first"
    room.pass_time(10)
    await room.run()
    assert room.vendors.asked[len(MADE + TOLD) :] == [
        "conversations.history",
        "chat.postMessage",
        "conversations.setTopic",
    ]
    assert (channel(room).uncertain, channel(room).posted) == (False, channel(room).posting)


async def test_a_room_that_may_be_anothers_is_not_asked_for_before_every_incident_is_known(room: World):
    def breaks_off(request: Request) -> Response:
        if asked_path(request).endswith("conversations.create"):
            raise ConnectionResetError("reset")
        return slack_says(request)

    room.vendors.answer["slack"] = breaks_off
    await room.run()
    assert channel(room).uncertain
    room.vendors.answer["slack"] = slack_says
    room.knows_all, before = False, len(room.vendors.asked)
    room.pass_time(120)
    await room.run()
    assert (channel(room).state, len(room.vendors.asked)) == ("Pending", before)
    room.knows_all = True
    room.pass_time(120)
    await room.run()
    assert channel(room).state == "Ready"


async def test_a_token_that_was_changed_is_read_anew_at_once(room: World):
    def refuses_the_old(request: Request) -> Response:
        if request.headers["authorization"].endswith("xoxb-for-tests"):
            return response(200, json=no("invalid_auth"))
        return slack_says(request)

    room.vendors.answer["slack"] = refuses_the_old
    await room.secrets.read("shop", "slack", "routingKey")
    room.put_secret("xoxb-new", "slack")
    await room.run()
    assert channel(room).state == "Ready"


async def test_who_does_not_lead_any_more_stops_in_the_middle(room: World):
    def loses_the_lease(request: Request) -> Response:
        room.leads = False
        return slack_says(request)

    room.vendors.answer["slack"] = loses_the_lease
    await room.look()
    await room.performer.drain(5)
    assert room.vendors.asked == ["auth.test"]
    (outcome,) = [each for each in room.unwritten.outcomes(CART) if each.effect.action == "create"]
    assert (outcome.result, outcome.reason) == ("unknown", "Interrupted")


async def test_the_channel_of_an_incident_that_is_deleted_is_archived(room: World):
    await room.run()
    room.people_say(**OVER)
    await room.run()
    room.tell()
    room.delete()
    await asyncio.gather(*room.remains._tasks)
    assert room.vendors.asked[-1] == "conversations.archive"


async def test_a_connection_that_cannot_make_channels_is_told_by_name(room: World):
    room.put("Connection", "slack", {"console": {}, "allowedClasses": ["service"]})
    await room.run()
    assert channel(room).reason == "InvalidSpec"
    assert room.vendors.asked == []
    (degraded,) = [c for c in room.stored.conditions if c.type == "Degraded"]
    assert "shop/slack" in degraded.message


async def test_an_incident_that_lacks_something_does_not_rest_and_is_woken_by_it(room: World):
    del room.api.objects[path_of("Connection", "shop", "slack")]
    room.cache.delete("Connection", "shop", "slack", 10_000)
    await room.run()
    room.people_say(**TAKEN)
    await room.run()
    assert channel(room).reason == "RefNotFound"
    room.tell()
    key = ObjectKey("Connection", "shop", "slack")
    assert list(waiting_incidents(key, room.cache)) == [CART]
    assert list(waiting_incidents(ObjectKey("Connection", "shop", "backup"), room.cache)) == []
    assert list(waiting_incidents(ObjectKey("EscalationPolicy", "shop", "primary"), room.cache)) == []


async def test_a_name_is_known_as_claimed_once_it_was_written_or_told(room: World):
    await room.run()
    place = (ConnectionKey("shop", "slack"), channel(room).name)
    claims, told = ChannelClaims(), ChannelClaims()
    uid = room.raw["metadata"]["uid"]
    assert claims[place] == frozenset()
    claims.note(uid, room.stored)
    told.told(room.raw)
    assert told[place] == {uid}
    assert claims[place] == {uid}
    assert (claims[place[0], "another"], list(claims), len(claims)) == (frozenset(), [place], 1)
    claims.forget(uid)
    assert claims[place] == frozenset()


async def test_a_vendors_error_shows_no_token(room: World):
    room.vendors.answer["slack"] = answers(200, ok=False, error="no token xoxb-for-tests here")
    await room.run()
    assert "xoxb-for-tests" not in json.dumps(room.raw["status"])
    assert "[redacted]" in channel(room).message
