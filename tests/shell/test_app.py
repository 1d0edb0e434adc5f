"""The operator as a whole: what it starts with, who wakes whom, what it ends with."""

import asyncio
from datetime import timedelta

import aiohttp
import pytest

from tests.shell.running import DEFAULT, LEASE, Running
from tests.shell.world import TAKEN, spec_of, until
from tests.support.builders import incident, incident_class
from watchbill.api.incident_status import IncidentStatus, Phase
from watchbill.core.effects import ConnectionKey
from watchbill.shell.cache import ObjectKey
from watchbill.shell.events import Recorder
from watchbill.shell.kube import Conflict, NotFound
from watchbill.shell.leader import Elector
from watchbill.shell.paths import path_of
from watchbill.shell.rush import MANY

CLASS = path_of("IncidentClass", "", "service")
PHASES: tuple[Phase, ...] = ("Triggered", "Acknowledged")


def touches(found: Running, method: str, end: str) -> list[int]:
    """At which places among all requests these are."""
    requests = enumerate(found.api.requests)
    return [at for at, (verb, path) in requests if verb == method and path.endswith(end)]


async def said(found: Running, path: str) -> tuple[int, str]:
    """What the process answers whoever asks for its health."""
    url = f"http://127.0.0.1:{found.app._health.port}/{path}"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, await answer.text()


async def test_what_is_there_at_the_start_is_paged_for(found: Running):
    found.furnish(told=False)
    found.declare(told=False)
    async with found.running():
        await until(lambda: found.hop == "Accepted")
    assert found.vendors.arrived == [("backup", "trigger")]


async def test_who_does_not_lead_decides_nothing_until_it_does(found: Running):
    spec = {"holderIdentity": "another", "leaseDurationSeconds": 1}
    found.api.put(LEASE, spec=spec)
    found.furnish(told=False)
    found.declare(told=False)
    async with found.running(ready=False):
        await until(lambda: found.app.syncer.synced and not (found.app.queue.depth or found.app.queue.active))
        assert (found.app.elector.is_leader(), found.status) == (False, {})
        await until(lambda: found.hop == "Accepted")
        assert found.app.elector.is_leader()


async def test_an_incident_that_changes_while_its_record_waits_is_looked_at_at_once(
    found: Running, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("watchbill.shell.store.AT_ONCE", 1)
    app = Running(found.api, monkeypatch).app
    answers = asyncio.Event()
    cart = incident()
    key = ObjectKey("Incident", cart.metadata.namespace or "", cart.metadata.name)

    async def patched(path: str, body: object) -> None:
        await answers.wait()
        raise NotFound(404, "NotFound", "")

    monkeypatch.setattr(app.kube, "patch_status", patched)
    writes = [asyncio.create_task(app._store.write(cart, IncidentStatus(phase=each))) for each in PHASES]
    await asyncio.sleep(0.01)
    app._changed(key, cart.model_dump(mode="json", by_alias=True))
    with pytest.raises(Conflict):
        await writes[1]
    answers.set()
    with pytest.raises(NotFound):
        await writes[0]
    await app.kube.close()
    await app.sender.aclose()


async def test_ten_pages_within_a_second_hold_up_the_records_that_nothing_waits_for(found: Running):
    found.furnish(told=False)
    spec = {"title": "Checkout returns 500", "severity": "SEV-1"}
    async with found.running():
        for number in range(MANY - 1):
            found.put("Incident", f"incident-{number}", spec)
        await until(lambda: len(found.vendors.arrived) == MANY - 1)
        assert not found.app._store.in_rush()
        found.put("Incident", "one-more", spec)
        await until(lambda: len(found.vendors.arrived) == MANY)
        assert found.app._store.in_rush()


async def test_whoever_takes_over_works_at_the_worst_severity_first(found: Running):
    found.furnish(told=False)
    spec = {"title": "Checkout returns 500", "setBy": {"declaration": "ana"}}
    said = {"a-drill": {"severity": "SEV-1", "mode": "Drill"}}
    said |= {name: {"severity": name[2:].upper()} for name in ("b-sev-3", "c-sev-2", "d-sev-1", "e-sev-9")}
    for name, more in said.items():
        found.put("Incident", name, spec | more, told=False)
    order: list[str] = []
    async with found.running():
        await until(lambda: not (found.app.queue.depth or found.app.queue.active))
        found.app.queue.pause()
        found.app.elector.on_gain()
        order += [key.name for key in found.app.queue._urgent]
        found.app.queue.resume()
    assert order == ["e-sev-9", "d-sev-1", "c-sev-2", "b-sev-3", "a-drill"]


async def test_an_update_is_judged_once_its_incident_that_rests_is_known(
    found: Running, monkeypatch: pytest.MonkeyPatch
):
    found.furnish(told=False)
    found.declare(told=False)
    async with found.running():
        await until(lambda: found.hop == "Accepted")
        found.change(**TAKEN)
        await until(lambda: found.status.get("phase") == "Acknowledged")
    successor = Running(found.api, monkeypatch)
    spec = {"incidentRef": {"name": "cart"}, "by": "ana", "audience": ["Internal"], "text": "on it"}
    successor.put("IncidentUpdate", "first", spec, told=False)
    path = path_of("IncidentUpdate", "shop", "first")
    async with successor.running():
        await until(lambda: "status" in found.api.objects[path])
        assert [each["status"] for each in found.api.objects[path]["status"]["conditions"]] == ["True"]


@pytest.mark.parametrize("last", ["class", "policy", "annotation"])
async def test_what_an_incident_waits_for_wakes_it(found: Running, last: str):
    found.furnish(told=False)
    kept = {path: found.api.objects[path] for path in list(found.api.objects)}
    missing = path_of("EscalationPolicy", "shop", "primary") if last == "policy" else CLASS
    if last == "annotation":
        found.put("IncidentClass", "service", spec_of(incident_class()), told=False)
    else:
        del found.api.objects[missing]
    found.declare(told=False)
    async with found.running():
        await until(lambda: "phase" in found.status)
        await until(lambda: not (found.app.queue.depth or found.app.queue.active))
        if last == "annotation":
            uid = found.api.objects[CLASS]["metadata"]["uid"]
            found.put("IncidentClass", "service", spec_of(incident_class()), annotations=DEFAULT, uid=uid)
        else:
            found.api.version += 1
            found.api.objects[missing] = kept[missing] | {
                "metadata": kept[missing]["metadata"] | {"resourceVersion": str(found.api.version)}
            }
            found.tell(missing, "ADDED")
        await until(lambda: found.hop == "Accepted")


async def test_a_connection_that_becomes_ready_wakes_whom_nobody_is_paged_for(found: Running):
    found.furnish(told=False)
    backup = path_of("Connection", "shop", "backup")
    spec = found.api.objects.pop(backup)["spec"]
    found.declare(told=False)
    async with found.running():
        await until(lambda: found.status.get("escalation", {}).get("state") == "Exhausted")
        found.put("Connection", "backup", spec)
        await until(lambda: "status" in found.api.objects[backup])
        assert found.vendors.arrived == []
        found.tell(backup)
        await until(lambda: found.hop == "Accepted")
    assert found.status["pages"][0]["level"] == "first"


async def test_an_incident_that_cannot_be_read_says_so_and_goes_on_once_it_is_mended(found: Running):
    found.furnish(told=False)
    found.put("Incident", "cart", {"title": "Checkout fails", "severity": "SEV 1"}, told=False)

    def told() -> set[tuple[str, str, str]]:
        events = [body for path, body in found.api.objects.items() if "/events/" in path]
        return {(event["type"], event["reason"], event["message"].partition(": ")[0]) for event in events}

    text = "it cannot be read, so nobody is paged for it; mend spec.severity"
    async with found.running():
        await until(lambda: told() == {("Warning", "Unreadable", text)})
        assert found.status == {}
        found.change(severity="SEV-1")
        await until(lambda: found.hop == "Accepted")


async def test_an_update_wakes_its_incident_also_while_that_rests(found: Running):
    found.furnish(told=False)
    found.declare(told=False)
    key = ObjectKey("Incident", "shop", "cart")
    async with found.running():
        await until(lambda: found.hop == "Accepted")
        found.change(**TAKEN)
        await until(lambda: found.app.cache.knows(*key) and found.app.cache.get(*key) is None)
        spec = {"incidentRef": {"name": "cart"}, "by": "ana", "audience": ["Internal"], "text": "on it"}
        found.put("IncidentUpdate", "first", spec)
        await until(lambda: found.status.get("updates", {}).get("count") == 1)
        await until(lambda: found.app.cache.get(*key) is None)
    assert touches(found, "GET", "incidents/cart")


@pytest.mark.convention(58)
async def test_a_stop_ends_and_records_what_is_in_flight_and_then_lets_the_lease_go(found: Running):
    found.furnish(told=False)
    found.declare(told=False)
    gate = found.vendors.hang("backup")
    async with found.running() as task:
        await until(lambda: found.vendors.arrived and found.hop == "Claimed")
        found.ask_to_stop()
        await until(lambda: found.app.queue._stopped)
        assert found.api.objects[LEASE]["spec"]["holderIdentity"] == "one"
        # It is of use to nobody new, and yet it is not to be killed, and still tells what it does.
        assert await said(found, "readyz") == (503, "stop: it was asked to stop\n")
        assert await said(found, "livez") == (200, "ok\n")
        assert (await said(found, "metrics"))[0] == 200
        gate.set()
        await task
    assert found.hop == "Accepted"
    assert found.vendors.arrived == [("backup", "trigger")], "once"
    assert found.api.objects[LEASE]["spec"]["holderIdentity"] == ""
    assert touches(found, "PATCH", "cart/status")[-1] < touches(found, "PUT", "leases/watchbill")[-1]


async def test_a_stop_begins_nothing_new(found: Running):
    found.furnish(told=False)
    async with found.running() as task:
        found.ask_to_stop()
        await until(lambda: found.app.queue._stopped)
        found.declare()
        await task
    assert found.vendors.arrived == []


async def test_a_stop_while_nothing_can_be_listed_ends_at_once(found: Running):
    found.api.silent = True
    async with found.running(ready=False) as task:
        found.ask_to_stop()
        async with asyncio.timeout(5):
            await task


async def test_what_keeps_it_from_starting_ends_it(found: Running, monkeypatch: pytest.MonkeyPatch):
    def broken(recorder: Recorder) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(Recorder, "start", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        async with asyncio.timeout(10):
            await found.app.run()


@pytest.mark.parametrize(
    ("leads", "lost", "silent", "acts"),
    [
        (True, None, None, True),
        (False, None, None, False),
        (False, None, 1, False),
        (False, 29, 29, True),
        (False, 31, 31, False),
        (False, 29, None, False),
    ],
    ids=[
        "the leader",
        "who never led",
        "who never led, and the server is silent",
        "who led until the server went silent",
        "for 30 minutes",
        "until the server answers",
    ],
)
async def test_it_may_act(
    found: Running,
    monkeypatch: pytest.MonkeyPatch,
    leads: bool,
    lost: int | None,
    silent: int | None,
    acts: bool,
):
    now = found.app.clock.now()
    ago = {minutes: now - timedelta(minutes=minutes) for minutes in (1, 29, 31)} | {None: None}
    monkeypatch.setattr(Elector, "is_leader", lambda elector: leads)
    monkeypatch.setattr(Elector, "lost_unreachable_since", ago[lost])
    found.app.kube.unreachable_since = ago[silent]
    assert found.app.may_act() is acts


async def test_the_time_is_relied_on_while_it_leads(found: Running):
    assert not found.app.clock.is_relied_on()
    async with found.running():
        assert found.app.clock.is_relied_on()


async def test_deleted_objects_leave_nothing_in_memory(found: Running):
    found.furnish(told=False)
    found.declare(told=False)
    async with found.running():
        await until(lambda: found.hop == "Accepted")
        for path in [path for path in found.api.objects if "watchbill.dev" in path]:
            found.delete(path)
        await until(lambda: not (found.app.queue.depth or found.app.queue.active))
        await until(lambda: found.app.performer._flying == {})
        assert found.app._neighbors._marks == {}
        assert found.app.tally._labels == {}
        assert {key for key, _ in found.app.sender._lanes} <= {ConnectionKey("shop", "backup")}


async def test_a_connection_that_is_gone_is_forgotten(found: Running):
    found.furnish(told=False)
    found.declare(told=False)
    async with found.running():
        await until(lambda: found.hop == "Accepted")
        assert found.app.sender._lanes
        found.delete(path_of("Connection", "shop", "backup"))
        assert found.app.sender._lanes == {}


async def test_a_vendor_that_keeps_failing_shows_in_the_metrics(found: Running):
    sample = found.app.metrics.registry.get_sample_value
    found.furnish(told=False)
    found.declare(told=False)
    async with found.running():
        await until(lambda: found.hop == "Accepted")
        (lane,) = found.app.sender._lanes.values()
        for _ in range(5):
            lane._breaker.failed(found.app.clock.monotonic())
        assert sample("watchbill_circuit_open", {"integration": "webhook"}) == 1
        assert sample("watchbill_circuit_open", {"integration": "pagerDuty"}) == 0


async def test_people_are_told_by_events(found: Running):
    found.furnish(told=False)
    found.declare(told=False)
    async with found.running():
        await until(lambda: found.hop == "Accepted")
        events = [body for path, body in found.api.objects.items() if "/events/" in path]
        await until(lambda: [body for path, body in found.api.objects.items() if "/events/" in path])
    events = [body for path, body in found.api.objects.items() if "/events/" in path]
    assert {
        body["involvedObject"]["name"] for body in events if body["involvedObject"]["kind"] == "Incident"
    } == {"cart"}


async def test_what_is_not_ready_shows_in_the_metrics_until_it_is_gone(found: Running):
    path = path_of("Connection", "shop", "pager")
    labels = {"kind": "Connection", "condition": "Ready", "reason": "SecretNotFound"}
    shown = found.app.metrics.registry.get_sample_value
    async with found.running():
        found.put("Connection", "pager", {"pagerDuty": {"routingKeySecretRef": {"name": "none", "key": "k"}}})
        await until(lambda: "status" in found.api.objects[path])
        assert shown("watchbill_unhealthy_objects", labels) is None
        found.tell(path)
        assert shown("watchbill_unhealthy_objects", labels) == 1
        found.delete(path)
        assert shown("watchbill_unhealthy_objects", labels) == 0
