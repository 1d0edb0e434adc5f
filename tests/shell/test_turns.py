"""So many at once, the rest in the order of their ranks."""

import asyncio

import pytest

from watchbill.shell.turns import IsHeld, Turns


class Crowd:
    """Tasks that want a turn, and keep it until they are let go."""

    def __init__(self, places: int, is_held: IsHeld = lambda rank, waited: False) -> None:
        self.turns = Turns(places, is_held)
        self.began: list[str] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self._gates: dict[str, asyncio.Event] = {}

    async def come(self, name: str, rank: int = 0) -> None:
        self._gates[name] = asyncio.Event()
        self.tasks[name] = asyncio.create_task(self._act(name, rank))
        await settled()

    async def go(self, name: str) -> None:
        self._gates[name].set()
        await settled()

    async def _act(self, name: str, rank: int) -> None:
        async with self.turns.turn(name, rank):
            self.began.append(name)
            await self._gates[name].wait()


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_no_more_than_there_are_places_are_at_it_at_once():
    crowd = Crowd(2)
    for name in "abc":
        assert crowd.turns.must_wait() == (name == "c")
        await crowd.come(name)
    assert crowd.began == ["a", "b"]
    await crowd.go("b")
    assert crowd.began == ["a", "b", "c"]
    await crowd.go("a")
    await crowd.go("c")
    assert not crowd.turns.must_wait()


async def test_the_lowest_rank_goes_first_and_of_one_rank_who_came_first():
    crowd = Crowd(1)
    for name, rank in (("a", 1), ("late", 1), ("later", 1), ("soon", 0)):
        await crowd.come(name, rank)
    for name in ("a", "soon", "late", "later"):
        await crowd.go(name)
    assert crowd.began == ["a", "soon", "late", "later"]


async def test_who_waits_can_be_made_to_give_up_and_takes_no_place():
    crowd = Crowd(1)
    for name in "abc":
        await crowd.come(name)
    crowd.turns.give_up("b", ValueError("changed"))
    crowd.turns.give_up("b", ValueError("twice"))
    crowd.turns.give_up("a", ValueError("it does not wait"))
    await settled()
    with pytest.raises(ValueError, match="changed"):
        await crowd.tasks["b"]
    await crowd.go("a")
    assert crowd.began == ["a", "c"]


@pytest.mark.parametrize("called", [False, True], ids=["while it waits", "when its turn has just come"])
async def test_who_is_cancelled_leaves_the_place_to_the_next(called: bool):
    crowd = Crowd(1)
    for name in "abc":
        await crowd.come(name)
    if called:
        crowd._gates["a"].set()
        while not crowd.tasks["a"].done():
            await asyncio.sleep(0)
    crowd.tasks["b"].cancel()
    await settled()
    await crowd.go("a")
    assert crowd.began == ["a", "c"]


async def test_who_is_held_waits_though_there_is_a_place_and_goes_as_soon_as_it_may(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("watchbill.shell.turns.LOOK", 0.001)
    holds = True
    crowd = Crowd(2, lambda rank, waited: holds and rank > 0)
    assert crowd.turns.must_wait(1)
    await crowd.come("held", 1)
    await crowd.come("ahead", 0)
    assert crowd.began == ["ahead"]
    holds = False
    while crowd.began != ["ahead", "held"]:
        await asyncio.sleep(0.001)


async def test_who_is_held_is_asked_for_by_how_long_it_has_waited(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("watchbill.shell.turns.LOOK", 0.001)
    asked: list[float] = []

    def is_held(rank: int, waited: float) -> bool:
        asked.append(waited)
        return waited < 0.01

    crowd = Crowd(1, is_held)
    await crowd.come("a")
    while not crowd.began:
        await asyncio.sleep(0.001)
    assert asked == sorted(asked)
    assert asked[0] == 0
    assert asked[-1] >= 0.01


async def test_who_is_held_can_be_made_to_give_up():
    crowd = Crowd(1, lambda rank, waited: True)
    await crowd.come("a")
    crowd.turns.give_up("a", ValueError("changed"))
    with pytest.raises(ValueError, match="changed"):
        await crowd.tasks["a"]
    assert crowd.began == []
