"""Incidents whose content is hard to bear: of other versions, of any character, as large as can be."""

import json

import pytest

from dev.waiting import wait_until
from tests.support import fullest
from tests.support.builders import target
from tests.support.people import Json
from tests.support.shop import BACKUP, Shop
from watchbill.api.incident_status import MAX_PAGES
from watchbill.core.ledger import MAX_PAGES as KEPT_PAGES

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("operator")]

KIB = 1024
STEPS = (("first", "2s", [target("pagerduty")]), ("second", "5m", [target("pagerduty")]))


def test_a_status_of_an_older_version_is_gone_on_with_and_pages_nobody_twice(shop: Shop):
    shop.ladder("checkout", *STEPS)
    shop.declare()
    shop.receiver.wait_for(lambda _: shop.triggers)
    status = shop.wait_for(lambda i: i["status"]["pages"][0]["state"] == "Accepted" and i["status"])
    page = dict(status["pages"][0])
    kept = ("connection", "namespace", "key", "state")
    page["hops"] = [{name: hop[name] for name in kept} for hop in page["hops"]]
    lost = dict.fromkeys(set(status) - {"phase", "conditions", "class", "policy", "escalation", "pages"})
    at = {name: None for name in ("nextTime", "openedTime")}
    shop.write_status("checkout", lost | {"pages": [page], "escalation": at})
    shop.receiver.wait_for(lambda _: len(shop.triggers) == 2, timeout=5)
    shop.say("Resolved", "rolled back")
    shop.wait_for_alerts("resolved", "resolved")
    shop.wait_for_phase("Resolved")
    assert len(shop.triggers) == len(set(shop.triggers)) == 2


def test_a_status_that_cannot_be_read_is_told_stops_no_other_and_is_gone_on_with_once_it_is_mended(
    shop: Shop, other: Shop
):
    shop.ladder("checkout", *STEPS)
    shop.declare()
    frozen = shop.wait_for(lambda i: i["status"]["pages"][0]["state"] == "Accepted" and i["status"]["class"])
    shop.write_status("checkout", {"class": {"severities": [{"name": "SEV-1"}]}})
    said = (
        "it cannot be read, so nobody is paged for it; mend status.class.severities[0].rank: Field required"
    )
    shop.warns("Unreadable", said)
    other.ladder("checkout", *STEPS)
    other.declare()
    other.receiver.wait_for(lambda _: other.triggers, timeout=5)
    shop.write_status("checkout", {"class": frozen})
    shop.receiver.wait_for(lambda _: len(shop.triggers) == 2)


TYPED = "\u202eCheckout\x1b[2J\x07 fails: \u05ea\u05e9\u05dc\u05d5\u05dd\r\nBcc: bo\x00"
SHOWN = "Checkout\ufffd[2J\ufffd fails: \u05ea\u05e9\u05dc\u05d5\u05dd Bcc: bo\ufffd"
"""What people typed, and what of it reaches anybody: right-to-left letters stay, what controls does not."""


def test_right_to_left_letters_are_shown_and_control_characters_reach_nobody(shop: Shop):
    shop.ladder("checkout", ("first", "5m", [target("pagerduty"), target(BACKUP)]))
    shop.declare(title=TYPED, summary=TYPED, affected=[{"service": TYPED}])
    page = shop.paged("checkout", shop.at("backup"))
    (event,) = shop.receiver.wait_for(lambda r: r.requests_to("/v2/enqueue"))
    payload = event.json["payload"]
    assert (payload["summary"], page["title"]) == (f"SEV-1: {SHOWN}", SHOWN)
    assert (payload["custom_details"]["affected"], page["services"]) == (SHOWN, [SHOWN])
    shop.patch(acknowledgedBy={"admin": {"note": TYPED}})
    shop.wait_for_phase("Acknowledged")
    shop.say("Resolved", TYPED)
    status = shop.wait_for_phase("Resolved")["status"]
    said = f"admin said Resolved: {SHOWN}"
    shop.says("Resolved", "ByPerson", said)
    assert ("Acknowledged", f"admin acknowledged: {SHOWN}") in {
        (e["kind"], e["text"]) for e in status["timeline"]
    }
    wait_until(lambda: None if ("Normal", "Resolved", said) in shop.events() else "no Event", 5)
    told = [message for _, _, message in shop.events()]
    told += [e["text"] for e in status["timeline"]] + [c.get("message", "") for c in status["conditions"]]
    told += [request.body.decode() for request in shop.receiver.requests]
    assert [text for text in told if not set(text).isdisjoint("\x00\x07\x1b\r\n\u202e")] == []


KB_10 = "x" * 10_240
TOO_LONG: dict[str, tuple[Json, int]] = {
    "spec.title": ({"title": KB_10}, 200),
    "spec.summary": ({"summary": KB_10}, 4096),
    "spec.affected[0].service": ({"affected": [{"service": KB_10}]}, 253),
    "spec.stateReason": ({"state": "Resolved", "stateReason": KB_10}, 1024),
    "spec.acknowledgedBy.admin.note": ({"acknowledgedBy": {"admin": {"note": KB_10}}}, 256),
    "spec.escalation.request.reason": ({"escalation": {"request": {"reason": KB_10}}}, 512),
    "spec.roles.commander": ({"roles": {"commander": KB_10}}, 253),
    "spec.severity": ({"severity": KB_10}, 32),
}


def test_a_text_of_10_kb_is_refused_with_its_path_wherever_it_is_put(shop: Shop):
    least = {"title": "Checkout fails", "severity": "SEV-1"}
    for path, (spec, limit) in TOO_LONG.items():
        refused = shop.refusal("Incident", least | spec)
        assert f"{path}: Too long: may not be more than {limit} bytes" in refused
    update = {"incidentRef": {"name": "checkout"}, "audience": ["Internal"], "text": KB_10}
    assert "spec.text: Too long: may not be more than 4096 bytes" in shop.refusal("IncidentUpdate", update)
    said = "spec.acknowledgedBy: Invalid value: every key of `acknowledgedBy` must be a user name of 1 to 253"
    assert said in shop.refusal("Incident", least | {"acknowledgedBy": {KB_10: {}}})
    assert "metadata.labels: Invalid value: " in shop.refusal("Incident", least, labels={"team": KB_10})


@pytest.mark.parametrize(
    "moment", ["0000-01-01T00:00:00Z", "2026-01-01T00:00:00+99:00", "2026-01-01T00:00:00-07:60"]
)
def test_a_snooze_until_a_moment_that_is_none_is_refused_and_the_incident_pages_on(shop: Shop, moment: str):
    shop.ladder("checkout", ("first", "5m", [target(BACKUP)]))
    shop.declare()
    wish = {"escalation": {"snoozeUntilTime": moment}, "setBy": {"escalation": "admin"}}
    answer = shop.admin.patch("incidents", "checkout", wish)
    assert answer.status == 422
    assert f'spec.escalation.snoozeUntilTime: Invalid value: "{moment}"' in answer.message
    assert shop.paged("checkout", shop.at("backup"))


def test_an_incident_with_a_thousand_labels_is_paged_and_keeps_them(shop: Shop):
    labels = {f"label-{number}": "v" * 63 for number in range(1000)}
    shop.ladder("checkout", ("first", "5m", [target(BACKUP)]))
    shop.declare(labels=labels)
    assert shop.paged("checkout", shop.at("backup"), within=5)
    shop.acknowledge()
    assert shop.wait_for_phase("Acknowledged")["metadata"]["labels"] == labels


def told(shop: Shop, action: str) -> set[str]:
    """The keys of which PagerDuty was told this."""
    sent = [request.json for request in shop.receiver.requests_to("/v2/enqueue")]
    return {event["dedup_key"] for event in sent if event["event_action"] == action}


def test_an_incident_that_fills_every_list_to_its_bound_is_paged_acknowledged_and_resolved(shop: Shop):
    fullest.furnish(shop)
    texts: Json = {"title": "t" * 200, "summary": "s" * 4096}
    uid = shop.declare(severity=fullest.SEVERITY, affected=fullest.THINGS, **texts)["metadata"]["uid"]
    shop.receiver.wait_for(lambda _: len(told(shop, "trigger")) == len(fullest.TARGETS))
    status = shop.wait_for(
        lambda i: all(page["state"] == "Accepted" for page in i["status"]["pages"]) and i["status"]
    )
    shop.write_status("checkout", fullest.full_lists(shop, status, uid))
    sizes = [size(shop)]
    old = {fullest.old_key(uid, number) for number in range(MAX_PAGES - len(status["pages"]))}
    excess = {fullest.old_key(uid, number) for number in range(MAX_PAGES - KEPT_PAGES)}
    shop.receiver.wait_for(lambda _: told(shop, "resolve") == excess)

    shop.for_chat("checkout", acknowledgedBy=fullest.CROWD)
    shop.receiver.wait_for(lambda _: told(shop, "acknowledge") == (old - excess) | told(shop, "trigger"))
    shop.wait_for_phase("Acknowledged")
    sizes.append(size(shop))
    shop.say("Resolved", "r" * 1024)
    shop.receiver.wait_for(lambda _: told(shop, "resolve") == old | told(shop, "trigger"))
    taken = shop.wait_for_phase("Resolved")["status"]["acknowledgements"]
    assert {record["user"] for record in taken if record["digest"]} >= set(fullest.CROWD)
    sizes.append(size(shop))
    assert (min(sizes) > 100 * KIB, max(sizes) <= 512 * KIB) == (True, True), sizes


def size(shop: Shop) -> int:
    """The bytes of the incident's spec and status."""
    incident = shop.incident()
    return len(json.dumps([incident["spec"], incident["status"]], separators=(",", ":")))
