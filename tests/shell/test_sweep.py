"""Incidents that rest are looked at page by page."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from tests.shell.fake_api import FakeApi, Fault
from watchbill.shell import kube as kube_module
from watchbill.shell import sweep as sweep_module
from watchbill.shell.kube import Kube
from watchbill.shell.paths import path_of
from watchbill.shell.sweep import RESTING_PHASES, Sweep


class World:
    def __init__(self, api: FakeApi, kube: Kube) -> None:
        self.api = api
        self.looked: list[str] = []
        self.pauses: list[int] = []
        self.sweep = Sweep(kube, self.look, self.wait)
        self.completed = 0
        self.sweep.on_complete = self.complete

    def put(self, name: str, phase: str) -> None:
        self.api.put(path_of("Incident", "shop", name), spec={}, status={"phase": phase})

    def look(self, raw: dict[str, Any]) -> None:
        self.looked.append(raw["metadata"]["name"])

    async def wait(self) -> None:
        self.pauses.append(len(self.looked))

    def complete(self) -> None:
        self.completed += 1


@pytest.fixture
async def world(api: FakeApi, kube: Kube, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setattr(sweep_module, "RETRY", 0.0)
    found = World(api, kube)
    yield found
    await found.sweep.stop()


async def until(fact: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not fact():
            await asyncio.sleep(0)


async def test_of_few_namespaces_those_that_rest_there_are_looked_at(world: World, kube: Kube):
    kube.namespaces = ("shop", "bank")
    for place in ("shop", "bank", "other"):
        path = path_of("Incident", place, f"in-{place}")
        world.api.put(path, spec={}, status={"phase": "Acknowledged"})
    world.sweep.start()
    await until(lambda: world.sweep.complete)
    assert world.looked == ["in-shop", "in-bank"]


async def test_all_that_rest_are_looked_at_and_no_others(world: World):
    for phase in (*RESTING_PHASES, "Triggered", "Pending"):
        world.put(phase.lower(), phase)
    world.sweep.start()
    await until(lambda: world.sweep.complete)
    assert world.looked == [phase.lower() for phase in RESTING_PHASES]
    assert world.completed == 1


async def test_a_page_waits_until_the_one_before_was_looked_at(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(kube_module, "PAGE", 2)
    monkeypatch.setattr(Kube.pages, "__defaults__", (2, False, ""))
    for number in range(5):
        world.put(f"rests-{number}", "Acknowledged")
    world.sweep.start()
    await until(lambda: world.sweep.complete)
    assert world.pauses[:3] == [2, 4, 5]


async def test_it_sweeps_again_when_asked_to_and_is_complete_once(world: World):
    world.put("rests", "Closed")
    world.sweep.request()
    assert world.looked == []
    world.sweep.start()
    await until(lambda: world.sweep.complete)
    world.sweep.request()
    await until(lambda: world.looked == ["rests", "rests"])
    assert world.completed == 1


async def test_a_sweep_that_fails_is_begun_anew(world: World):
    world.put("rests", "Acknowledged")
    world.api.faults.append(Fault(500, path="incidents", times=2))
    world.sweep.start()
    await until(lambda: world.sweep.complete)
    assert world.looked == ["rests"]


async def test_a_server_that_cannot_select_has_told_of_all_before(world: World):
    world.put("rests", "Acknowledged")
    world.api.faults.append(Fault(400, {"message": "field label not supported"}, path="incidents"))
    world.sweep.start()
    await until(lambda: world.sweep.complete)
    assert world.looked == []
