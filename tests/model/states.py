"""What a state of the model consists of: values alone, so that a state that was seen is known again.

Large values (a status, an effect, an outcome) are kept once and compared by identity.
"""

from collections.abc import Hashable
from enum import IntEnum, StrEnum
from typing import Any, Generic, NamedTuple, TypeVar

from watchbill.api.incident_status import IncidentStatus
from watchbill.core.effects import Effect
from watchbill.core.outcomes import Outcome

T = TypeVar("T")


class Known(Generic[T]):
    """A value that is kept once: two that are equal are the same."""

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value


class Pool:
    """All large values that a search has come across."""

    def __init__(self) -> None:
        self._all: dict[Hashable, Known[Any]] = {}

    def known(self, value: T) -> Known[T]:
        """The value, kept once."""
        return self._all.setdefault(value, Known(value))


class Stage(IntEnum):
    """How far an effect is that a process performs."""

    QUEUED = 0
    LEFT = 1
    """All that is asked before a send was asked: it arrives whatever happens now."""
    ARRIVED = 2
    """The vendor has it, and its answer is lost."""


class Kind(StrEnum):
    """Why something happens."""

    WORK = "work"
    """A process does what it can do now; no time passes before that."""
    SLOW = "slow"
    """It may happen now or later: a vendor is slow, or a process does not know that it lost the lease."""
    PEOPLE = "people"
    FAULT = "fault"
    TIME = "time"


class Flight(NamedTuple):
    """An effect that is being performed, and the generation of the incident that it was decided on."""

    effect: Known[Effect]
    generation: int
    stage: Stage = Stage.QUEUED
    until: int | None = None
    """When it is given up, and its outcome is unknown; None while it has all the time."""


class Spec(NamedTuple):
    """What people wrote: since when ana holds the incident, if she does, and whether it is over."""

    acknowledged: int | None = None
    over: bool = False

    @property
    def generation(self) -> int:
        """How often the spec was written."""
        return 1 + (self.acknowledged is not None) + self.over


class Stored(NamedTuple):
    """The incident as etcd has it, or as it was once seen there."""

    spec: Spec
    status: Known[IncidentStatus]


class Pending(NamedTuple):
    """A decision that is not written yet."""

    status: Known[IncidentStatus]
    is_current: bool
    """Whether the resourceVersion that it was made from is still the one in etcd."""
    folded: int
    """How many of the outcomes in hand are part of it."""
    after: tuple[Known[Effect], ...]
    """What is performed once it is written."""


class ForeignClaim(NamedTuple):
    """A claim of another process, and when it was first seen."""

    key: str
    by: str
    time: str
    seen: int


class Mind(NamedTuple):
    """What a process has in memory of one incident."""

    seen: Stored | None = None
    """The incident as its cache has it, where that is not what is stored."""
    pending: Pending | None = None
    flights: tuple[Flight, ...] = ()
    outcomes: tuple[Known[Outcome], ...] = ()
    """What is known and not in etcd."""
    waiting: int = 0
    """How many of the outcomes were looked at, and may wait for the next write."""
    claims: tuple[ForeignClaim, ...] = ()
    late: bool = False
    """Whether it alone knows of a page that arrived after its end was told."""


class Faults(NamedTuple):
    """How many faults there may still be."""

    crashes: int = 0
    lags: int = 0
    """How often one process hears of nothing new, and may lose the lease without knowing."""
    slow: int = 0
    """How many sends take longer than a record waits for, or are not answered at all."""

    def less(self, **spent: int) -> "Faults":
        """The faults that are left after some."""
        return self._replace(**{name: getattr(self, name) - count for name, count in spent.items()})


class Alert(NamedTuple):
    """One page as its vendor has it."""

    key: str
    connection: str
    is_keyed: bool
    state: str
    """triggered, acknowledged or resolved."""
    openings: int
    """How often it woke somebody."""
    unsaid: int
    """How often it did so again without a word of that."""


class Room(NamedTuple):
    """One channel of the chat."""

    id: str
    name: str
    owner: str
    is_marked: bool
    is_archived: bool
    posts: tuple[int, ...]


class World(NamedTuple):
    """What vendors have."""

    alerts: tuple[Alert, ...] = ()
    rooms: tuple[Room, ...] = ()
    ended: frozenset[str] = frozenset()
    """The keys of which an end was told, whether there was an alert or not."""


class State(NamedTuple):
    """Everything, at one moment; `now` is in seconds since the beginning."""

    now: int
    stored: tuple[Stored, ...]
    minds: tuple[tuple[Mind, ...], ...]
    """By replica, then by incident."""
    names: tuple[int, ...]
    """Under what each replica claims."""
    lease: int
    lagging: int
    """Whose watch does not tell what is new; -1 where everybody's does."""
    deposed: bool
    """Whether the one that lags has lost the lease and does not know."""
    left: Faults
    world: World

    def leads(self, replica: int) -> bool:
        """Whether the replica takes itself for the leader."""
        return replica == self.lease or (self.deposed and replica == self.lagging)

    def view(self, replica: int, incident: int) -> Stored:
        """The incident as the replica's cache has it."""
        return self.minds[replica][incident].seen or self.stored[incident]

    def with_mind(self, replica: int, incident: int, mind: Mind) -> "State":
        """The state in which a replica has something else in mind."""
        changed = _put(self.minds[replica], incident, mind)
        return self._replace(minds=_put(self.minds, replica, changed))

    def storing(self, incident: int, stored: Stored, writer: int = -1) -> "State":
        """The state after a write: decisions on what was there before are outdated, and so is a cache."""
        old, minds = self.stored[incident], self.minds
        for replica, of_replica in enumerate(minds):
            mind = of_replica[incident]
            if replica != writer and mind.pending is not None and mind.pending.is_current:
                mind = mind._replace(pending=mind.pending._replace(is_current=False))
            if replica == self.lagging != writer and mind.seen is None:
                mind = mind._replace(seen=old)
            if mind is not of_replica[incident]:
                minds = _put(minds, replica, _put(of_replica, incident, mind))
        return self._replace(stored=_put(self.stored, incident, stored), minds=minds)


def _put(values: tuple[T, ...], at: int, value: T) -> tuple[T, ...]:
    return (*values[:at], value, *values[at + 1 :])


class Move(NamedTuple):
    """Something that happens, in words, and the state after it."""

    kind: Kind
    text: str
    state: State
