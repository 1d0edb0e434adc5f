"""Whatever is lost: an incident has one channel, each post is there once, and in the end all is told."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given

from tests.laws import strategies as laws
from tests.laws.strategies import Program, played, programs
from tests.support.builders import UID, incident_class
from tests.support.simulate import Answer, Simulation
from watchbill.core import announce
from watchbill.core.outcomes import Result

LONG = timedelta(minutes=20)
"""Longer than the longest wait between two tries."""

GONE = Answer(Result.CONFLICT)
"""What the chat answers where a channel is not there any more."""


def check_once(program: Program) -> Simulation:
    """Fails where the program makes a second channel, or says something twice."""
    in_a_room = replace(program, given=replace(program.given, incident_class=incident_class(**laws.ROOM)))
    world = played(in_a_room)
    assert sum(room.owner == UID for room in world.chat.rooms.values()) <= 1
    assert world.chat.repeated == []
    for room in world.chat.rooms.values():
        numbers = [number for number, _ in room.posts]
        assert numbers == sorted(numbers), "what came later was said first"
    return world


def check_told(program: Program) -> None:
    """Fails where something is left untold once the chat works and the operator had the time."""
    world = check_once(program)
    if world.blind:
        world.see_again()
    world.answers["slack"] = Answer()
    world.start()
    world.advance(LONG)
    channel = world.status.resources.channel
    if channel is None or channel.reason:
        assert channel is None or channel.archived or channel.reason == "RefNotFound"
        return
    assert channel.claim is None or channel.claim.by == world.observation.holder
    assert channel.posting <= announce.due(world.status)
    (room,) = world.chat.rooms.values()
    assert room.posts[-1][0] == announce.due(world.status)


@given(programs())
def test_a_channel_is_made_once_and_each_post_is_there_once(program: Program):
    """And in the end all is told: a channel in which nothing is said would be no second one either."""
    check_told(program)
