"""Breadth-first through every state of a scope: the first fault that is found has a shortest story."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from tests.model import properties
from tests.model.core import Core
from tests.model.moves import Moves
from tests.model.operators import Operators
from tests.model.properties import Fault
from tests.model.scopes import Scope
from tests.model.states import Kind, Mind, Move, Pool, State, Stored, World
from watchbill.api.incident_status import IncidentStatus


class Broken(AssertionError):
    """A property does not hold; the message says which, and tells the story."""

    def __init__(self, fault: Fault, story: list[str]) -> None:
        self.fault = fault
        super().__init__(f"{fault.of}: {fault.text}\n" + "\n".join(story))


@dataclass
class Explored:
    """All that can be reached."""

    states: dict[State, int] = field(default_factory=dict)
    """Each with its number."""
    after: list[tuple[int, ...]] = field(default_factory=list)
    before: list[tuple[int, str]] = field(default_factory=list)
    """From which state each was first reached, and by what."""
    ends: int = 0
    decisions: int = 0

    @property
    def transitions(self) -> int:
        """How many moves there are."""
        return sum(map(len, self.after))

    def number(self, state: State, origin: int, text: str) -> tuple[int, bool]:
        """The number of a state that is reached from another, and whether it is new."""
        count = len(self.states)
        found = self.states.setdefault(state, count)
        if found == count:
            self.before.append((origin, text))
        return found, found == count

    def story(self, at: int) -> list[str]:
        """What happened on a shortest way to a state."""
        lines: list[str] = []
        while at:
            at, text = self.before[at]
            lines.append(text)
        return lines[::-1]

    def __str__(self) -> str:
        return (
            f"{len(self.states)} states, {self.transitions} transitions, {self.ends} ends, "
            f"{self.decisions} decisions"
        )


def first(scope: Scope, pool: Pool) -> State:
    """The state in which the incidents have just been created; the first replica has the lease."""
    stored = Stored(scope.born, pool.known(IncidentStatus()))
    blank = tuple(Mind() for _ in scope.given)
    return State(
        now=0,
        stored=tuple(stored for _ in scope.given),
        minds=(blank, blank),
        names=(1, 2),
        lease=0,
        lagging=-1,
        deposed=False,
        left=scope.faults,
        world=World(),
    )


def explored(scope: Scope) -> Explored:
    """Every state that can be reached; fails with the first fault."""
    pool = Pool()
    core = Core(scope, pool)
    moves = Moves(scope, Operators(core, pool))
    found = Explored()
    start = first(scope, pool)
    found.number(start, 0, "")
    queue = deque([start])
    while queue:
        state = queue.popleft()
        at, following = found.states[state], []
        steps = moves.after(state)
        for step in steps:
            number, is_new = found.number(step.state, at, step.text)
            following.append(number)
            if is_new:
                queue.append(step.state)
        found.after.append(tuple(following))
        found.ends += not steps
        for fault in (*core.faults, *_faults(state, scope, steps)):
            raise Broken(fault, found.story(at))
    found.decisions = len(core.choices)
    for number in _endless(found):
        raise Broken(Fault(properties.REST, "this can go on for ever"), found.story(number))
    return found


def explored_among_others(scope: Scope) -> Explored:
    """Every state of one incident that may be beside others like it; fails with the first fault.

    Others share with it the processes and their deaths, the lease and the watch, and time, which stops when
    any of them has something to do: at all moments at which this one ever has, for they are alike.
    """
    moments = _moments(explored(replace(scope, faults=scope.faults._replace(lags=0))))
    while True:
        found = explored(replace(scope, moments=moments))
        if (seen := _moments(found)) <= moments:
            return found
        moments |= seen


def _moments(found: Explored) -> frozenset[int]:
    return frozenset(state.now for state in found.states)


def _faults(state: State, scope: Scope, steps: tuple[Move, ...]) -> Iterator[Fault]:
    yield from properties.of_state(state, scope)
    if all(step.kind not in (Kind.WORK, Kind.SLOW) for step in steps):
        yield from properties.of_calm(state, scope)
    if all(step.kind == Kind.FAULT for step in steps):
        yield from properties.of_end(state)


def _endless(found: Explored) -> Iterator[int]:
    """A state that can be reached from itself or from such a one; without any, every story has an end.

    Faults and people's acts are bounded, and so all moves are taken together: what comes to rest whatever
    happens does so without further faults too.
    """
    before = [0] * len(found.after)
    for following in found.after:
        for number in following:
            before[number] += 1
    free = [number for number, count in enumerate(before) if count == 0]
    while free:
        for number in found.after[free.pop()]:
            before[number] -= 1
            if before[number] == 0:
                free.append(number)
    yield from (number for number, count in enumerate(before) if count)
