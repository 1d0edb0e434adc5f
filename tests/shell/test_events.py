"""Events: counted instead of repeated, never in the way, silent where they may not be written."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from tests.shell.fake_api import FakeApi, Fault
from tests.shell.fake_time import FakeTime
from watchbill.shell import events
from watchbill.shell.events import PACE, WAITING, Recorder
from watchbill.shell.kube import Kube
from watchbill.shell.metrics import Metrics
from watchbill.shell.paths import core_path

CART = {"metadata": {"name": "cart", "namespace": "shop", "uid": "uid-1"}}
EVENTS = core_path("events", "shop")


@pytest.fixture
async def recorder(kube: Kube, time: FakeTime, metrics: Metrics) -> AsyncIterator[Recorder]:
    made = Recorder(kube, time.clock(), metrics, "replica-1")
    yield made
    await made.stop()


def dropped(metrics: Metrics, reason: str) -> float | None:
    return metrics.registry.get_sample_value("watchbill_kube_events_dropped_total", {"reason": reason})


async def until(fact: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not fact():
            await asyncio.sleep(0)


async def test_an_event_says_what_happened_to_which_object(recorder: Recorder, api: FakeApi):
    recorder.start()
    recorder.record("Incident", CART, "Triggered", "paging level primary", "Warning")
    await recorder.stop()
    (event,) = api.lists(EVENTS)
    assert event["involvedObject"] == {
        "apiVersion": "watchbill.dev/v1alpha1",
        "kind": "Incident",
        "namespace": "shop",
        "name": "cart",
        "uid": "uid-1",
    }
    assert (event["reason"], event["message"]) == ("Triggered", "paging level primary")
    assert (event["type"], event["count"], event["source"]) == ("Warning", 1, {"component": "watchbill"})
    assert event["firstTimestamp"] == event["lastTimestamp"] == "2027-01-15T08:00:00Z"


async def test_what_is_told_again_is_counted(recorder: Recorder, api: FakeApi, time: FakeTime):
    recorder.start()
    recorder.record("Incident", CART, "Overdue", "an update is overdue")
    await until(lambda: len(api.lists(EVENTS)) == 1)
    time.advance(60)
    for _ in range(3):
        recorder.record("Incident", CART, "Overdue", "an update is overdue")
    await recorder.stop()
    (event,) = api.lists(EVENTS)
    assert event["count"] == 4
    assert event["lastTimestamp"] == "2027-01-15T08:01:00Z"


async def test_another_process_counts_on(api: FakeApi, kube: Kube, time: FakeTime, metrics: Metrics):
    for _ in range(2):
        recorder = Recorder(kube, time.clock(), metrics, "replica")
        recorder.start()
        recorder.record("Incident", CART, "Triggered", "paging")
        await recorder.stop()
    assert [event["count"] for event in api.lists(EVENTS)] == [2]


async def test_an_event_that_the_server_forgot_is_written_anew(recorder: Recorder, api: FakeApi):
    recorder.start()
    recorder.record("Incident", CART, "Triggered", "paging")
    await until(lambda: len(api.lists(EVENTS)) == 1)
    api.objects.clear()
    recorder.record("Incident", CART, "Triggered", "paging")
    await recorder.stop()
    assert [event["count"] for event in api.lists(EVENTS)] == [1]


async def test_an_event_of_a_cluster_scoped_object_lies_in_default(recorder: Recorder, api: FakeApi):
    recorder.start()
    recorder.record("IncidentClass", {"metadata": {"name": "standard", "uid": "u"}}, "Ready", "valid")
    await recorder.stop()
    (event,) = api.lists(core_path("events", "default"))
    assert "namespace" not in event["involvedObject"]


async def test_without_permission_it_is_said_once_and_nothing_else_happens(
    recorder: Recorder, api: FakeApi, metrics: Metrics, capsys: pytest.CaptureFixture[str]
):
    api.faults.extend([Fault(403, {"message": "events is forbidden"})] * 3)
    recorder.start()
    for number in range(3):
        recorder.record("Incident", CART, "Triggered", f"paging {number}")
    await recorder.stop()
    assert api.lists(EVENTS) == []
    assert dropped(metrics, "Forbidden") == 3
    assert capsys.readouterr().out.count("events may not be written") == 1


async def test_while_the_server_is_unreachable_recording_neither_waits_nor_fails(
    recorder: Recorder, api: FakeApi, metrics: Metrics, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(events, "PAUSE", 0.0)
    api.silent = True
    recorder.start()
    recorder.record("Incident", CART, "Triggered", "paging")
    await until(lambda: dropped(metrics, "Unreachable") == 1)
    api.silent = False
    recorder.record("Incident", CART, "Resolved", "over")
    await recorder.stop()
    assert [event["reason"] for event in api.lists(EVENTS)] == ["Resolved"]


async def test_what_waits_is_bounded(recorder: Recorder, metrics: Metrics):
    for number in range(WAITING + 5):
        recorder.record("Incident", CART, "Triggered", f"paging {number}")
    assert len(recorder._pending) == WAITING
    assert dropped(metrics, "QueueFull") == 5


async def test_a_long_name_and_a_long_message_fit(recorder: Recorder, api: FakeApi):
    recorder.start()
    metadata = {"name": "a" * 219 + "." + "b" * 33, "namespace": "shop", "uid": "u"}
    recorder.record("Incident", {"metadata": metadata}, "Triggered", "x" * 5000)
    await recorder.stop()
    (event,) = api.lists(EVENTS)
    assert len(event["metadata"]["name"]) <= 253
    assert ".." not in event["metadata"]["name"]
    assert len(event["message"]) == 1024


async def test_a_storm_is_written_at_a_pace_and_at_the_end_at_once(
    recorder: Recorder, api: FakeApi, time: FakeTime
):
    recorder.start()
    for number in range(PACE.burst + 10):
        recorder.record("Incident", CART, "Triggered", f"paging {number}")
    await until(lambda: len(api.lists(EVENTS)) == PACE.burst)
    assert len(recorder._pending) == 10
    time.advance(1.5 / PACE.per_second)
    await until(lambda: len(recorder._pending) == 9)
    await recorder.stop()
    assert len(api.lists(EVENTS)) == PACE.burst + 10
