"""What vendors answer on bad days: each is named, passed by or waited for, and used again once it is over."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from dev.receiver import Reaction, Received, Receiver
from tests.support.builders import target
from tests.support.shop import BACKUP, Shop, hop_of
from tests.support.team import Object

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("operator")]

HTML = {"content-type": "text/html"}


@dataclass(frozen=True)
class Answer:
    """How a vendor reacts, and what is said of it."""

    reaction: Reaction
    reason: str
    message: str
    delivered: bool = field(default=False)
    """The page counts as delivered, so that nobody else is asked."""
    heals: bool = field(default=True)


ANSWERS = {
    "unauthorized": Answer(Reaction(status=401), "HTTP401", "the answer was HTTP 401"),
    "forbidden": Answer(Reaction(status=403), "HTTP403", "the answer was HTTP 403"),
    "not-found": Answer(
        Reaction(status=404, body=b'{"message": "no such\\u0007\\u202e\\nservice"}'),
        "HTTP404",
        "the answer was HTTP 404: no such\N{REPLACEMENT CHARACTER} service",
    ),
    "redirected": Answer(
        Reaction(status=302, headers={"location": "https://elsewhere.example.com"}),
        "HTTP302",
        "the answer was HTTP 302",
    ),
    "broken": Answer(
        Reaction(status=500, headers=HTML, body=b"<h1>\xff</h1>"), "HTTP500", "the answer was HTTP 500"
    ),
    "limited": Answer(
        Reaction(status=429, headers={"retry-after": "86400"}),
        "HTTP429",
        "the answer was HTTP 429",
        heals=False,
    ),
    "proxied": Answer(
        Reaction(status=200, headers=HTML, body=b"<h1>Log in</h1>"),
        "UnexpectedAnswer",
        "HTTP 200 without PagerDuty's answer: is a proxy in between?",
    ),
    "garbage": Answer(
        Reaction("garbage"),
        "InvalidAnswer",
        "no valid answer: Bad status line",
    ),
    "reset": Answer(Reaction("reset"), "Reset", "the connection broke: Connection reset by peer"),
    "silent": Answer(Reaction("hang"), "Timeout", "no answer within 10 s"),
    "slow": Answer(Reaction(delay=8), "", "", delivered=True),
    "stalled": Answer(Reaction("stall"), "", "", delivered=True),
    "endless": Answer(Reaction(body=b"x" * 2**20), "", "", delivered=True),
}
"""By the name of the connection; all are PagerDuty's."""


def enqueue(shop: Shop, name: str) -> str:
    """The path at which a connection's PagerDuty is paged."""
    return f"{shop.at(name)}/v2/enqueue"


def pager(shop: Shop, name: str, url: str = "") -> None:
    """Apply a connection to a PagerDuty of its own, at the receiver or elsewhere."""
    key = {"routingKeySecretRef": {"name": "pagerduty", "key": "routingKey"}}
    shop.connection(name, pagerDuty=key | {"baseURL": url or f"{shop.receiver.url}{shop.at(name)}"})


Limited = Callable[[datetime], tuple[dict[str, str], bytes]]


def at(moment: datetime) -> str:
    """The whole seconds of a moment since the epoch."""
    return str(int(moment.timestamp()))


SOON = timedelta(seconds=6)

WAITS: dict[str, tuple[Limited, float]] = {
    "seconds": (lambda until: ({"retry-after": "4"}, b""), 4),
    "http-date": (lambda until: ({"retry-after": format_datetime(until, usegmt=True)}, b""), 0),
    "iso-date": (lambda until: ({"retry-after": until.isoformat()}, b""), 0),
    "reset-seconds": (lambda until: ({"ratelimit-reset": "2", "ratelimit-remaining": "0"}, b""), 2),
    "epoch-milliseconds": (lambda until: ({"x-ratelimit-reset": f"{at(until)}000"}, b""), 0),
    "epoch-seconds": (lambda until: ({"x-ratelimit-reset": at(until)}, b""), 0),
    "reset-epoch": (lambda until: ({"ratelimit-reset": at(until)}, b""), 0),
    "reset-iso": (
        lambda until: ({"x-ratelimit-reset": until.isoformat(), "ratelimit-reason": "jira-burst"}, b""),
        0,
    ),
    "matrix": (lambda until: ({"retry-after": "1"}, b'{"errcode": "M_LIMIT", "retry_after_ms": 2500}'), 2.5),
    "none": (lambda until: ({"retry-after": "later"}, b"not now"), 1),
}
"""How a vendor asks to wait: until a moment, or for so many seconds where they are not 0."""


def test_a_bad_answer_is_named_passed_by_or_waited_for_and_forgotten_once_the_vendor_is_well(shop: Shop):
    until = declared_to_those_who_ask_to_wait(shop)
    pager(shop, "good")
    pager(shop, "closed", "http://127.0.0.1:1")
    closed = Answer(Reaction(), "ConnectFailed", "no connection: Connect call failed ('127.0.0.1', 1)")
    answers = ANSWERS | {"closed": closed}
    for name in (*answers, "good"):
        if name in ANSWERS:
            pager(shop, name)
            shop.receiver.script(enqueue(shop, name), ANSWERS[name].reaction)
        shop.ladder(name, ("first", "5m", [target(name, BACKUP)]))
        shop.declare(name)
    shop.receiver.wait_for(lambda r: r.requests_to(enqueue(shop, "good")), timeout=15)
    shop.wait_for(lambda i: i["status"]["phase"] == "Triggered", "slow", within=5)
    assert hop_of(shop.incident("slow"), "slow")["state"] == "Sending", "the phase waits for no vendor"

    refused = {name: answer for name, answer in answers.items() if not answer.delivered}
    for name, answer in refused.items():
        assert shop.paged(name, shop.at("backup"), within=15)["level"] == "first"
        said = f"connection {shop.namespace}/{name} fails ({answer.reason}): {answer.message}"
        shop.says("Degraded", "ConnectionFailing", said, name)
        said = f"first: {name} could not deliver ({answer.reason}); trying {BACKUP}"
        shop.warns("FellOver", said, name)
    for name, answer in answers.items():
        if answer.delivered:
            shop.wait_for(accepted_by(name), name, within=15)
            shop.says("Degraded", "Delivering", name=name)
    waits = left_alone(hop_of(shop.incident("limited"), "limited"))
    assert timedelta(0) <= waits - timedelta(minutes=15) < timedelta(seconds=5)
    backups = [request.json["data"]["incident"] for request in shop.receiver.requests_to(shop.at("backup"))]
    assert sorted(backups) == sorted(refused), "each once, and nobody whose page was delivered"

    assert_each_was_waited_for(shop, until)

    pager(shop, "closed")
    for name in ANSWERS:
        shop.receiver.heal(enqueue(shop, name))
    healing = [name for name, answer in refused.items() if answer.heals]
    for name in healing:
        shop.ask_again(name)
    for name in healing:
        shop.says("Degraded", "Delivering", name=name)
        assert accepted_by(name)(shop.incident(name))


def accepted_by(name: str) -> Callable[[Object], bool]:
    """Whether the latest page of an incident was accepted by this connection itself."""
    return lambda incident: bool(hop_of(incident, name)["state"] == "Accepted")


def left_alone(hop: Object) -> timedelta:
    """How long a connection is left alone after its first attempt."""
    first, following = (datetime.fromisoformat(hop[name]) for name in ("firstAttemptTime", "nextAttemptTime"))
    return following - first


def declared_to_those_who_ask_to_wait(shop: Shop) -> datetime:
    """Declare an incident that each of them is paged for; until when they want to be left alone.

    That the first fails is looked for at once: it is said only until that one is asked again.
    """
    until = (datetime.now(UTC) + SOON).replace(microsecond=0)
    for name, (form, _) in WAITS.items():
        headers, body = form(until)
        shop.receiver.script(shop.at(name), Reaction(status=429, headers=headers, body=body), times=1)
        shop.hook(name)
    shop.ladder("waiting", ("first", "5m", [target(name) for name in WAITS]))
    shop.declare("waiting")
    said = f"connection {shop.namespace}/seconds fails (HTTP429): the answer was HTTP 429"
    shop.says("Degraded", "ConnectionFailing", said, "waiting")
    return until


def assert_each_was_waited_for(shop: Shop, until: datetime) -> None:
    """Fail unless each was paged again when it wished, not before and not much later."""
    for name, (_, seconds) in WAITS.items():
        first, second = shop.receiver.wait_for(both(shop.at(name)))
        waited, asked = second.arrived - first.arrived, seconds or (until - first.time).total_seconds()
        assert asked - 0.01 <= waited < asked + 8, name
        assert first.json["data"]["key"] == second.json["data"]["key"]
    shop.says("Degraded", "Delivering", name="waiting")
    hops = [page["hops"][0] for page in shop.incident("waiting")["status"]["pages"]]
    assert {(hop["state"], hop["attempts"], hop.get("uncertain", False)) for hop in hops} == {
        ("Accepted", 2, False)
    }


def both(path: str) -> Callable[[Receiver], list[Received]]:
    """Gives the two requests to a path, once there are two."""

    def found(receiver: Receiver) -> list[Received]:
        requests = receiver.requests_to(path)
        return requests if len(requests) == 2 else []

    return found
