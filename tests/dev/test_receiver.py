"""The local server that plays the vendors."""

import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from dev.fake_pagerduty import FakePagerDuty
from dev.receiver import Reaction, Receiver

ROUTING_KEY = "EXAMPLE0ROUTING0KEY0EXAMPLE00001"


def event(action: str, key: str = "k", **changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"routing_key": ROUTING_KEY, "event_action": action, "dedup_key": key}
    if action == "trigger":
        found["payload"] = {"summary": "down", "source": "shop", "severity": "critical"}
    return found | changes


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


def post(receiver: Receiver, path: str, body: dict[str, Any]) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", int(receiver.url.rpartition(":")[2]), timeout=10)
    try:
        connection.request("POST", path, json.dumps(body))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("actions", "states"),
    [
        (["trigger"], ["triggered"]),
        (["trigger", "trigger"], ["triggered"]),
        (["trigger", "acknowledge"], ["acknowledged"]),
        (["trigger", "acknowledge", "trigger"], ["acknowledged"]),
        (["trigger", "resolve"], ["resolved"]),
        (["trigger", "resolve", "resolve", "acknowledge"], ["resolved"]),
        (["trigger", "resolve", "trigger"], ["resolved", "triggered"]),
        (["acknowledge", "resolve"], []),
    ],
    ids=lambda value: ", ".join(value) or "nothing",
)
def test_alerts_follow_their_events(actions: list[str], states: list[str]):
    vendor = FakePagerDuty()
    codes = [vendor.enqueue(json.dumps(event(action)).encode())[0] for action in actions]
    assert codes == [202] * len(actions)
    assert [alert.state for alert in vendor.alerts] == states


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (event("trigger", routing_key="R" * 32), "Invalid routing key"),
        (
            event("trigger", routing_key="short"),
            "Length of 'routing_key' is incorrect (should be 32 characters)",
        ),
        (event("trigger", routing_key=None), "'routing_key' is missing or blank"),
        (event("page"), "'event_action' is missing or not one of trigger, acknowledge, resolve"),
        (event("resolve", key=""), "'dedup_key' is missing or blank"),
        (event("trigger", key="k" * 256), "'dedup_key' is longer than 255 characters"),
        (event("trigger", payload=None), "'payload' is missing or blank"),
        (
            event("trigger", payload={"summary": "x", "severity": "info"}),
            "'payload.source' is missing or blank",
        ),
        (
            event("trigger", payload={"summary": "x", "source": "y", "severity": "SEV-1"}),
            "'payload.severity' is invalid (must be one of critical, error, warning, info)",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bad_event_is_refused_with_a_reason_and_opens_nothing(body: dict[str, Any], error: str):
    vendor = FakePagerDuty(routing_keys={ROUTING_KEY})
    status, answer = vendor.enqueue(json.dumps(body).encode())
    assert (status, answer["errors"]) == (400, [error])
    assert vendor.alerts == []


def test_pagerduty_and_webhooks_live_side_by_side(receiver: Receiver):
    assert post(receiver, "/v2/enqueue", event("trigger"))[0] == 202
    assert post(receiver, "/any/hook?token=x", {"hello": 1}) == (202, b'{"status": "accepted"}')
    assert [alert.dedup_key for alert in receiver.alerts] == ["k"]
    assert [request.json for request in receiver.requests_to("/any/hook")] == [{"hello": 1}]
    assert receiver.requests[0].arrived <= receiver.requests[1].arrived


def test_a_script_is_played_in_order_and_then_all_is_well(receiver: Receiver):
    receiver.script("/hook", Reaction(status=503, headers={"retry-after": "3"}), times=2)
    receiver.script("/hook", Reaction(status=400), times=1)
    assert [post(receiver, "/hook", {})[0] for _ in range(4)] == [503, 503, 400, 202]


def test_a_script_without_end_is_played_until_it_is_healed(receiver: Receiver):
    receiver.script("/v2/enqueue", Reaction(status=500))
    codes = [post(receiver, "/v2/enqueue", event("trigger"))[0] for _ in range(3)]
    assert (codes, receiver.alerts) == ([500] * 3, [])
    receiver.heal("/v2/enqueue")
    assert post(receiver, "/v2/enqueue", event("trigger"))[0] == 202


def test_a_request_can_take_effect_although_its_answer_is_bad(receiver: Receiver):
    receiver.script("/v2/enqueue", Reaction(status=500, accepted=True))
    assert post(receiver, "/v2/enqueue", event("trigger"))[0] == 500
    assert [alert.state for alert in receiver.alerts] == ["triggered"]


@pytest.mark.parametrize(
    ("kind", "error"), [("reset", ConnectionResetError), ("garbage", http.client.BadStatusLine)]
)
def test_a_connection_can_end_badly(receiver: Receiver, kind: Any, error: type[Exception]):
    receiver.script("/hook", Reaction(kind))
    with pytest.raises(error):
        post(receiver, "/hook", {})
    assert len(receiver.requests) == 1


def test_a_request_that_breaks_off_has_not_arrived(receiver: Receiver):
    with socket.create_connection(("127.0.0.1", int(receiver.url.rpartition(":")[2])), timeout=10) as sender:
        sender.sendall(b"POST /hook HTTP/1.1\r\ncontent-length: 9\r\n\r\n{")
        sender.shutdown(socket.SHUT_WR)
        assert sender.recv(1) == b"", "it is not answered"
    assert receiver.requests == []


def test_an_answer_can_stall_after_its_head(receiver: Receiver):
    receiver.script("/hook", Reaction("stall", status=503))
    address = receiver.url.removeprefix("http://")
    connection = http.client.HTTPConnection(address, timeout=0.2)
    with contextlib.closing(connection):
        connection.request("POST", "/hook", b"{}")
        answer = connection.getresponse()
        assert answer.status == 503
        with pytest.raises(TimeoutError):
            answer.read()


def test_waiting_ends_when_what_was_waited_for_arrives(receiver: Receiver):
    sending = threading.Thread(target=post, args=(receiver, "/hook", {"n": 1}))
    sending.start()
    [request] = receiver.wait_for(lambda r: r.requests_to("/hook"))
    sending.join()
    assert request.json == {"n": 1}


def test_waiting_in_vain_says_what_arrived(receiver: Receiver):
    post(receiver, "/hook", {})
    with pytest.raises(TimeoutError, match=r"arrived: \['POST /hook'\]"):
        receiver.wait_for(lambda r: r.alerts, timeout=0.01)


def test_stopping_lets_go_of_who_hangs():
    receiver = Receiver()
    receiver.start()
    receiver.script("/hook", Reaction("hang"))
    ended: list[type[Exception]] = []

    def hang() -> None:
        try:
            post(receiver, "/hook", {})
        except OSError as error:
            ended.append(type(error))
        except http.client.HTTPException as error:
            ended.append(type(error))

    hanging = threading.Thread(target=hang)
    hanging.start()
    receiver.wait_for(lambda r: r.requests)
    receiver.stop()
    hanging.join(timeout=10)
    assert len(ended) == 1
