"""The vendors' side: what each makes of what it gets. It is certain, and knows nothing of the operator."""

from tests.model.states import Alert, Room, World
from tests.support import chat_world
from watchbill.core.effects import ChannelEffect, Effect, PageEffect, SendPage, hop_of

SAID = {"acknowledge": "acknowledged", "resolve": "resolved"}


def paged(world: World, effect: PageEffect) -> World:
    """The world after the vendor got this.

    As PagerDuty has it: a trigger opens an alert, and a new one where the old is resolved; while one is open
    it changes nothing. What is said of an alert that is not there is dropped. A vendor without keys tells a
    person each time.
    """
    hop = hop_of(effect)
    old = next((alert for alert in world.alerts if alert.key == hop.key), None)
    others = tuple(alert for alert in world.alerts if alert.key != hop.key)
    if isinstance(effect, SendPage):
        new = _opened(old or Alert(hop.key, hop.connection, not hop.unkeyed, "resolved", 0, 0), effect)
    else:
        world = world._replace(ended=world.ended | {hop.key})
        if old is None or old.state == "resolved":
            return world
        new = old._replace(state=SAID[effect.action])
    return world._replace(alerts=tuple(sorted((*others, new))))


def _opened(alert: Alert, effect: SendPage) -> Alert:
    if alert.is_keyed and alert.state != "resolved":
        return alert
    unsaid = alert.openings > 0 and not effect.repeated
    return alert._replace(
        state="triggered", openings=alert.openings + 1, unsaid=alert.unsaid + (unsaid and not alert.is_keyed)
    )


def chatted(world: World, effect: ChannelEffect, broken_off: bool = False) -> tuple[World, str, str]:
    """The world after the chat got this, and the id and the name of the room."""
    chat = chat_world.Chat({room.id: _living(room) for room in world.rooms})
    id_, name = chat.perform(effect, broken_off)
    rooms = tuple(_still(id_, room) for id_, room in sorted(chat.rooms.items()))
    return world._replace(rooms=rooms), id_, name


def _living(room: Room) -> chat_world.Room:
    posts = [(number, "") for number in room.posts]
    return chat_world.Room(room.name, room.owner, room.is_marked, is_archived=room.is_archived, posts=posts)


def _still(id_: str, room: chat_world.Room) -> Room:
    numbers = tuple(number for number, _ in room.posts)
    return Room(id_, room.name, room.owner, room.is_marked, room.is_archived, numbers)


def reached(world: World, effect: Effect, broken_off: bool = False) -> tuple[World, str, str]:
    """The world after the vendor got this, and the id and the name of what was made.

    A room whose making is `broken_off` has no marker.
    """
    if isinstance(effect, ChannelEffect):
        return chatted(world, effect, broken_off)
    return paged(world, effect), "", ""
