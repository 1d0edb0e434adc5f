"""Through every state of a scope, by layers of time, people's acts and faults, breadth-first in each."""

import sys
from array import array
from collections import deque
from collections.abc import Callable, Iterator, Mapping
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


Layer = tuple[int, int, int]
"""What only ever grows: the time, how much people wrote, and how much went wrong."""

Known = dict[State, int]
"""States, each with its number."""


@dataclass
class Explored:
    """All that can be reached."""

    states: int = 0
    transitions: int = 0
    ends: int = 0
    decisions: int = 0
    moments: set[int] = field(default_factory=set)
    """At which seconds something happened."""
    origins: "array[int]" = field(default_factory=lambda: array("q"))
    """From which state each was first reached."""
    texts: list[str] = field(default_factory=list)
    """And by what."""

    def number(self, state: State, known: Known, origin: int, text: str) -> tuple[int, bool]:
        """The number of a state that is reached from another, and whether it is new."""
        found = known.setdefault(state, self.states)
        is_new = found == self.states
        if is_new:
            self.states += 1
            self.origins.append(origin)
            self.texts.append(sys.intern(text))
        return found, is_new

    def story(self, at: int) -> list[str]:
        """What happened on a way to a state: of those with as little going wrong, a shortest one."""
        lines: list[str] = []
        while at:
            lines.append(self.texts[at])
            at = self.origins[at]
        return lines[::-1]

    def __str__(self) -> str:
        return (
            f"{self.states} states, {self.transitions} transitions, {self.ends} ends, "
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


def explored(scope: Scope, visit: Callable[[State], None] = lambda state: None) -> Explored:
    """Every state that can be reached, each told to `visit`; fails with the first fault.

    Layer after layer: once all of one were gone through nothing leads back into it, and it is forgotten.
    """
    core = Core(scope, pool := Pool())
    search = _Search(scope, core, Moves(scope, Operators(core, pool)), visit)
    start = first(scope, pool)
    search.found.number(start, search.layers.setdefault(layer_of(start), {}), 0, "")
    while search.layers:
        search.go_through(min(search.layers))
    search.found.decisions = len(core.choices)
    return search.found


def layer_of(state: State) -> Layer:
    """The layer of a state; no move leads to an earlier one."""
    return state.now, state.stored[0].spec.generation, -sum(state.left)


@dataclass
class _Search:
    scope: Scope
    core: Core
    moves: Moves
    visit: Callable[[State], None]
    found: Explored = field(default_factory=Explored)
    layers: dict[Layer, Known] = field(default_factory=dict)
    """The states that were reached and not gone through."""

    def go_through(self, layer: Layer) -> None:
        """Follow all moves from the states of a layer, those that come to it meanwhile included."""
        known, within = self.layers[layer], dict[int, list[int]]()
        queue = deque(known)
        while queue:
            state = queue.popleft()
            at, steps = known[state], self.moves.after(state)
            within[at] = []
            for step in steps:
                there = layer_of(step.state)
                assert there >= layer, "time, people and faults go forward"
                states = self.layers.setdefault(there, {})
                number, is_new = self.found.number(step.state, states, at, step.text)
                if there == layer:
                    within[at].append(number)
                    queue.extend([step.state] if is_new else ())
            self._judge(state, at, steps)
        for number in _endless(within):
            raise Broken(Fault(properties.REST, "this can go on for ever"), self.found.story(number))
        del self.layers[layer]

    def _judge(self, state: State, at: int, steps: tuple[Move, ...]) -> None:
        self.visit(state)
        self.found.moments.add(state.now)
        self.found.transitions += len(steps)
        self.found.ends += not steps
        for fault in (*self.core.faults, *_faults(state, self.scope, steps)):
            raise Broken(fault, self.found.story(at))


def explored_among_others(scope: Scope, visit: Callable[[State], None] = lambda state: None) -> Explored:
    """Every state of one incident that may be beside others like it; fails with the first fault.

    Others share with it the processes and their deaths, the lease and the watch, and time, which stops when
    any of them has something to do: at all moments at which this one ever has, for they are alike.
    """
    moments = explored(replace(scope, faults=scope.faults._replace(lags=0))).moments
    while True:
        found = explored(replace(scope, moments=frozenset(moments)), visit)
        if found.moments <= moments:
            return found
        moments |= found.moments


def _faults(state: State, scope: Scope, steps: tuple[Move, ...]) -> Iterator[Fault]:
    yield from properties.of_state(state, scope)
    if all(step.kind not in (Kind.WORK, Kind.SLOW) for step in steps):
        yield from properties.of_calm(state, scope)
    if all(step.kind == Kind.FAULT for step in steps):
        yield from properties.of_end(state)


def _endless(following: Mapping[int, list[int]]) -> Iterator[int]:
    """A state that can be reached from itself or from such a one; without any, every story has an end.

    Faults and people's acts are bounded, and so all moves are taken together: what comes to rest whatever
    happens does so without further faults too.
    """
    before = dict.fromkeys(following, 0)
    for numbers in following.values():
        for number in numbers:
            before[number] += 1
    free = [number for number, count in before.items() if count == 0]
    while free:
        for number in following[free.pop()]:
            before[number] -= 1
            if before[number] == 0:
                free.append(number)
    yield from (number for number, count in before.items() if count)
