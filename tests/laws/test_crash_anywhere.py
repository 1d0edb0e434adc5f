"""Law 5: a process may end anywhere: the outside sees the same keys, and in the end all are closed."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.laws import strategies as laws
from tests.laws.strategies import Named, Program, crash, played, programs
from tests.support.simulate import Cut, Simulation
from watchbill.core.effects import SendPage, hop_of

SETTLED = timedelta(seconds=20)
"""Longer than it takes a new process to take over a claim."""

settle = Named("+20s", lambda world: world.advance(SETTLED))


def check_same_keys(program: Program, cut: Cut, place: int) -> None:
    """Fails where a world in which a process was cut and replaced saw other pages than one without."""
    steps = [part for step in program.steps for part in (step, settle)]
    at = place % len(program.steps) * 2
    whole = played(replace(program, steps=(settle, *steps)))
    broken = played(
        replace(
            program,
            steps=(_cutting(cut), settle, *steps)
            if place % 5 == 0
            else (settle, *steps[:at], _cutting(cut), *steps[at:]),
        )
    )
    first, second = _triggers(whole), _triggers(broken)
    assert set(first) <= set(second), f"never sent: {sorted(set(first) - set(second))}"
    assert set(second) == set(first), f"sent only after a crash: {sorted(set(second) - set(first))}"
    for key, count in second.items():
        again = [s for s in broken.sent if s.key == key and s.effect.action == "trigger"][first[key] :]
        for effect in (sent.effect for sent in again):
            if isinstance(effect, SendPage) and hop_of(effect).unkeyed:
                assert effect.repeated, f"{key} was sent {count} times and does not say so"


def check_nothing_stays_open(program: Program, end: str) -> None:
    """Fails where a page that arrived is not closed in the end, or one is sent after the end was recorded."""
    world = played(program)
    laws.acknowledge(world, "dee")
    if end == "Resolve":
        world.change(state="Resolved", stateReason="it is over")
    told = len(world.sent)
    world.advance(timedelta(minutes=5))
    last: dict[str, str] = {}
    for sent in world.sent:
        last[sent.key] = sent.effect.action
    open_ = sorted(key for key, action in last.items() if action == "trigger")
    assert open_ == [], f"still open outside: {open_}"
    assert [s.key for s in world.sent[told:] if s.effect.action == "trigger"] == []


def _cutting(cut: Cut) -> Named:
    def run(world: Simulation) -> None:
        world.is_replaced, world.cut = True, cut
        world.react()

    return Named(f"cut {cut}", run)


def _triggers(world: Simulation) -> Counter[str]:
    return Counter(sent.key for sent in world.sent if sent.effect.action == "trigger")


MEANWHILE = {
    "nobody acts": lambda world: None,
    "ana acknowledges": lambda world: laws.acknowledge(world, "ana"),
    "it is said to be over": lambda world: world.change(state="Resolved", stateReason="while it was down"),
    "it gets worse": lambda world: world.change(severity="SEV-1"),
    "somebody asks for more": lambda world: laws.wish(world, request={"reason": "while it was down"}),
}


@st.composite
def crashes(draw: st.DrawFn) -> Named:
    """A process ends in the middle, people act, and another one begins later."""
    cut, down = draw(st.sampled_from(Cut)), draw(st.sampled_from([0, 3, 40, 320, 1000]))
    words = draw(st.sampled_from(sorted(MEANWHILE)))
    text = f"crash {cut}, {words}, {down} s down"
    return Named(text, lambda world: crash(world, cut, down, MEANWHILE[words]))


@given(programs(step=laws.calm_steps, answers=laws.GOOD, most=7), st.sampled_from(Cut), st.integers(0, 20))
def test_the_outside_sees_the_same_keys(program: Program, cut: Cut, place: int):
    check_same_keys(program, cut, place)


@given(
    programs(step=st.one_of(laws.calm_steps, laws.calm_steps, crashes()), answers=laws.GOOD, most=7),
    st.sampled_from(["Acknowledge", "Resolve"]),
)
def test_nothing_stays_open_outside(program: Program, end: str):
    check_nothing_stays_open(program, end)
