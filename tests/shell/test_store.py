"""The patch of a status, and what is left out where the whole is refused."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.shell.fake_api import Fault
from tests.shell.world import CART, World
from tests.support.apiserver.rules import merged
from tests.support.builders import T0
from watchbill.api.incident import Incident
from watchbill.api.incident_status import (
    Closing,
    EscalationStatus,
    Hop,
    IncidentStatus,
    Page,
    Phase,
    TimelineEntry,
)
from watchbill.core.ledger import with_hop
from watchbill.shell.cache import ObjectKey
from watchbill.shell.kube import Conflict, Invalid, Unreachable
from watchbill.shell.store import (
    AHEAD,
    HELD,
    KEPT_ENTRIES,
    LATER,
    SHOWN,
    Store,
    change,
    merge_patch,
    minimal,
)

LEAVES = st.one_of(st.booleans(), st.integers(0, 3), st.lists(st.integers(0, 3), max_size=2))
TREES = st.recursive(
    LEAVES, lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3), max_leaves=8
)
OBJECTS = st.dictionaries(st.sampled_from("abc"), TREES, max_size=3)


@given(OBJECTS, OBJECTS)
def test_a_patch_makes_the_new_of_the_old(old: dict[str, Any], new: dict[str, Any]):
    assert merged(old, merge_patch(old, new)) == new


@given(OBJECTS)
def test_what_is_equal_needs_no_patch(old: dict[str, Any]):
    assert merge_patch(old, old) == {}


def test_what_is_gone_is_null_and_lists_are_replaced():
    old = {"a": 1, "b": {"c": 1, "d": 2}, "e": [1, 2]}
    assert merge_patch(old, {"b": {"c": 1}, "e": [1]}) == {"a": None, "b": {"d": None}, "e": [1]}


@pytest.mark.parametrize(
    "update",
    [
        {},
        {"phase": "Resolved"},
        {"phase": None, "timeline": ()},
        {"severity": "".join(("SEV", "-1"))},
        {"escalation": EscalationStatus(epoch=2, level="a")},
        {"ofANewerVersion": {"b": 2}},
        {"ofAnother": 1},
    ],
)
def test_a_change_is_the_patch_between_the_whole_statuses(update: dict[str, Any]):
    old = IncidentStatus.model_validate(
        {
            "phase": "Triggered",
            "severity": "SEV-1",
            "escalation": {"epoch": 1},
            "timeline": [entry(1).to_json()],
            "ofANewerVersion": {"a": 1},
        }
    )
    new = old.model_copy(update=update)
    assert change(old, new) == merge_patch(old.to_json(), new.to_json())


def entry(number: int) -> TimelineEntry:
    return TimelineEntry(time=T0, kind="Test", actor="ana", source="kubectl", text=f"entry {number}")


def page(state: Any, hop_state: Any) -> Page:
    hop = Hop(connection="pager", namespace="shop", key=f"{state}-{hop_state}", state=hop_state)
    return Page(id=f"{state}-{hop_state}", epoch=1, round=1, level="a", due_time=T0, state=state, hops=(hop,))


def test_the_minimal_status_keeps_what_decisions_need():
    pages = (page("Superseded", "Failed"), page("Accepted", "Accepted"), page("Pending", "Sending"))
    whole = IncidentStatus(
        phase="Triggered", pages=pages, timeline=tuple(map(entry, range(30))), timeline_dropped=5
    )
    small = minimal(whole)
    assert [kept.id for kept in small.pages] == ["Accepted-Accepted", "Pending-Sending"]
    assert small.timeline == tuple(map(entry, range(20, 30)))
    assert (len(small.timeline), small.timeline_dropped) == (KEPT_ENTRIES, 25)
    assert small.phase == "Triggered"


def test_the_minimal_status_keeps_what_is_to_be_closed_by_hand():
    told = Closing(action="Resolve", state="Done", attempts=1)
    pages = tuple(
        with_hop(
            page("Accepted", "Accepted"), 0, closing=told.model_copy(update={"credential_changed": changed})
        )
        for changed in (False, True)
    )
    assert minimal(IncidentStatus(pages=pages)).pages == pages[1:]


@pytest.fixture
async def incident(world: World) -> Incident:
    world.furnish()
    world.declare()
    found = world.observer.last_seen(CART)
    assert found is not None
    return found


async def test_what_did_not_change_is_not_written(world: World, incident: Incident):
    assert not await Store(world.kube, world.cache).write(incident, incident.status)
    assert world.api.requests == []


async def test_what_is_written_is_known_at_once(world: World, incident: Incident):
    assert await Store(world.kube, world.cache).write(incident, IncidentStatus(phase="Triggered"))
    seen = world.observer.last_seen(CART)
    assert seen is not None
    assert seen.status.phase == "Triggered"


async def test_an_incident_that_changed_since_it_was_read_is_not_overwritten(
    world: World, incident: Incident
):
    world.people_say(told=False, title="another")
    with pytest.raises(Conflict):
        await Store(world.kube, world.cache).write(incident, IncidentStatus(phase="Triggered"))
    assert "status" not in world.raw


async def test_a_status_that_cannot_be_smaller_is_refused_for_good(world: World, incident: Incident):
    world.api.faults.append(Fault(422, method="PATCH", times=2))
    with pytest.raises(Invalid):
        await Store(world.kube, world.cache).write(incident, IncidentStatus(phase="Triggered"))
    assert world.writes == 1


@pytest.mark.parametrize("told", [True, False], ids=["before the answer", "after it"])
async def test_an_echo_is_told_of_where_the_watch_was_faster_than_the_answer(
    world: World, told: bool, monkeypatch: pytest.MonkeyPatch
):
    async def patched(path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = await world.kube.patch(f"{path}/status", body)
        if told:
            world.tell()
        return answer

    monkeypatch.setattr(world.kube, "patch_status", patched)
    world.declare()
    incident = world.cache.read(Incident, "shop", "cart")
    assert incident is not None
    store, echoes = Store(world.kube, world.cache), list[ObjectKey]()
    store.on_echo = echoes.append
    await store.write(incident, IncidentStatus(phase="Triggered"))
    assert echoes == ([CART] if told else [])


class Busy:
    """A store all of whose places are taken by writes that the server does not answer yet."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("watchbill.shell.store.AT_ONCE", 1)
        self.store = Store(world.kube, world.cache)
        self.answers = asyncio.Event()
        self.asides = 0
        self.store.aside = self._aside
        world.api.before = self._hold

    async def _hold(self, request: object) -> None:
        await self.answers.wait()

    @contextmanager
    def _aside(self) -> Iterator[None]:
        self.asides += 1
        try:
            yield
        finally:
            self.asides -= 1

    async def write(self, incident: Incident, phase: Phase, rank: int = AHEAD) -> asyncio.Task[bool]:
        task = asyncio.create_task(self.store.write(incident, IncidentStatus(phase=phase), rank))
        for _ in range(5):
            await asyncio.sleep(0)
        return task


async def test_a_record_that_waits_is_given_up_when_its_incident_changes(
    world: World, incident: Incident, monkeypatch: pytest.MonkeyPatch
):
    busy = Busy(world, monkeypatch)
    first = await busy.write(incident, "Triggered")
    second = await busy.write(incident, "Acknowledged")
    assert busy.asides == 2
    busy.store.outdated(CART)
    with pytest.raises(Conflict):
        await second
    busy.answers.set()
    assert await first
    assert (world.writes, busy.asides) == (1, 0)


async def test_records_that_wait_fail_at_once_where_the_server_does_not_answer_the_one_before(
    world: World, incident: Incident, monkeypatch: pytest.MonkeyPatch
):
    busy = Busy(world, monkeypatch)
    first = await busy.write(incident, "Triggered")
    second = await busy.write(incident, "Acknowledged")
    world.api.faults.append(Fault(503, method="PATCH", times=2))
    busy.answers.set()
    for task in (first, second):
        with pytest.raises(Unreachable):
            await task
    assert world.writes == 1


@pytest.mark.parametrize("rank", [SHOWN, LATER])
async def test_in_a_rush_of_pages_a_record_waits_until_it_is_over(
    world: World, incident: Incident, monkeypatch: pytest.MonkeyPatch, rank: int
):
    busy = Busy(world, monkeypatch)
    busy.answers.set()
    busy.store.in_rush = lambda: True
    held = await busy.write(incident, "Triggered", rank)
    assert (busy.asides, world.writes) == (1, 0)
    busy.store.in_rush = lambda: False
    assert await held
    assert (busy.asides, world.writes) == (0, 1)


async def test_in_a_rush_of_pages_what_a_send_waits_for_is_written_at_once(world: World, incident: Incident):
    store = Store(world.kube, world.cache)
    store.in_rush = lambda: True
    assert await store.write(incident, IncidentStatus(phase="Triggered"), AHEAD)


async def test_a_rush_holds_up_a_record_for_five_seconds_at_most(
    world: World, incident: Incident, monkeypatch: pytest.MonkeyPatch
):
    assert HELD == 5
    monkeypatch.setattr("watchbill.shell.store.HELD", 0.01)
    store = Store(world.kube, world.cache)
    store.in_rush = lambda: True
    assert await store.write(incident, IncidentStatus(phase="Triggered"), SHOWN)
