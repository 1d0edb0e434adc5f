"""A chat in a simulated world: what its provider makes of each effect, and what people find there."""

from collections import Counter
from dataclasses import dataclass, field

from watchbill.core.effects import (
    ArchiveChannel,
    ChannelEffect,
    CreateChannel,
    DescribeChannel,
    PostToChannel,
)

SOMEBODY = "somebody else"


@dataclass
class Room:
    """One channel."""

    name: str
    owner: str
    """The UID of the incident that it was made for, or that found it and marked it."""
    is_marked: bool = True
    topic: str = ""
    bookmarks: tuple[tuple[str, str], ...] = ()
    is_archived: bool = False
    posts: list[tuple[int, str]] = field(default_factory=list)
    """(number, text) of each message."""

    @property
    def text(self) -> str:
        """All that was said."""
        return "\n".join(text for _, text in self.posts)


@dataclass
class Chat:
    """The rooms of a workspace by their id; a name is taken for ever."""

    rooms: dict[str, Room] = field(default_factory=dict)

    def perform(self, effect: ChannelEffect, broken_off: bool = False) -> tuple[str, str]:
        """The id and the name of the room, after the effect; `broken_off` leaves a new one without marker."""
        match effect:
            case CreateChannel():
                return self._create(effect, broken_off)
            case PostToChannel():
                room, number = self.rooms[effect.channel.external_id], effect.channel.posting
                if not (effect.channel.uncertain and number in dict(room.posts)):
                    room.posts.append((number, effect.text))
            case DescribeChannel():
                room = self.rooms[effect.channel.external_id]
                room.topic, room.bookmarks = effect.topic, effect.bookmarks
            case ArchiveChannel():
                self.rooms[effect.channel.external_id].is_archived = True
        return effect.channel.external_id, effect.channel.name

    def taken(self, name: str, owner: str = SOMEBODY) -> None:
        """Somebody else has a channel of this name."""
        self.rooms[f"C{len(self.rooms)}"] = Room(name, owner)

    @property
    def repeated(self) -> list[int]:
        """The numbers of posts that were made more than once in one room."""
        numbers = (Counter(number for number, _ in room.posts) for room in self.rooms.values())
        return [number for counted in numbers for number, count in counted.items() if count > 1]

    def _create(self, effect: CreateChannel, broken_off: bool) -> tuple[str, str]:
        uid = effect.incident.uid
        if effect.channel.external_id:
            return effect.channel.external_id, effect.channel.name
        for name in (effect.channel.name, effect.other_name):
            found = next(((id_, room) for id_, room in self.rooms.items() if room.name == name), None)
            if found is None:
                id_ = f"C{len(self.rooms)}"
                self.rooms[id_] = Room(name, uid, is_marked=not broken_off)
                return id_, name
            id_, room = found
            if (room.is_marked and room.owner == uid) or (not room.is_marked and name in effect.may_adopt):
                room.is_marked, room.owner = True, uid
                return id_, name
        raise AssertionError("both names are taken")
