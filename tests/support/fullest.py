"""An incident whose lists are all as long as they may be, and each text in them too."""

from typing import Any

from tests.support.builders import target
from tests.support.shop import Shop
from tests.support.team import Object
from watchbill.api.escalation_policy import EscalationPolicySpec, Level
from watchbill.api.incident import IncidentSpec
from watchbill.api.incident_class import IncidentClassSpec, Severity
from watchbill.api.incident_status import MAX_ACKNOWLEDGEMENTS, MAX_PAGES, MAX_TIMELINE, IncidentStatus
from watchbill.api.page import MAX_HOPS

MOMENT = "2026-03-09T03:00:00.000Z"


def most(model: Any, field: str) -> int:
    """How many items a list may have, or entries a map."""
    bounds = model.model_json_schema()["properties"][field]
    return int(bounds.get("maxItems") or bounds["maxProperties"])


def name(start: str, number: int, length: int = 63) -> str:
    """A name of this length that is told from the others by its number."""
    return f"{start}{number:0{length - len(start)}}"


TARGETS = [name("pager-", number) for number in range(most(Level, "targets"))]
FALLBACKS = [name("fallback-", number) for number in range(MAX_HOPS - 1)]
SEVERITY = name("SEV-", 0, 32)
THINGS: list[Object] = [
    {
        "service": name("s", number, 253),
        "environment": "e" * 63,
        "region": "r" * 63,
        "apiVersion": "v" * 128,
        "kind": "k" * 63,
        "namespace": "n" * 63,
        "name": "n" * 253,
    }
    for number in range(most(IncidentSpec, "affected"))
]
CROWD: Object = {
    name("person-", number, 253): {"note": "n" * 256}
    for number in range(most(IncidentSpec, "acknowledgedBy"))
}


def furnish(shop: Shop) -> None:
    """Apply the largest policy and the largest class, and the connections that they name."""
    key = {"routingKeySecretRef": {"name": "pagerduty", "key": "routingKey"}}
    for pager in TARGETS:
        shop.connection(pager, pagerDuty=key | {"baseURL": shop.receiver.url})
    for pager in FALLBACKS:
        shop.hook(pager, shop.at("fallback"))
    targets = [target(pager, *FALLBACKS) for pager in TARGETS]
    levels = range(most(EscalationPolicySpec, "levels"))
    roles = [
        {"name": name("role-", number), "from": {"type": "FirstAcknowledger"}}
        for number in range(most(Severity, "roles"))
    ]
    row = {"escalation": {"policyName": "checkout"}, "roles": roles, "description": "d" * 512}
    rows = [
        row | {"name": name("SEV-", number, 32), "rank": number + 1}
        for number in range(most(IncidentClassSpec, "severities"))
    ]
    shop.ladder("checkout", *((name("level-", number), "24h", targets) for number in levels), rows=rows)


def old_pages(shop: Shop, uid: str, count: int) -> list[Object]:
    """So many earlier pages, each accepted by the last of its connections, and open at PagerDuty."""
    return [_page(shop, uid, number) for number in range(count)]


def _page(shop: Shop, uid: str, number: int) -> Object:
    hop: Object = {"namespace": shop.namespace, "connectionUID": "u" * 36, "firstAttemptTime": MOMENT}
    hop |= {"attempts": 1_000_000, "message": "m" * 128, "credential": "c" * 32, "externalID": "x" * 160}
    vain = hop | {"key": f"{uid}/f".ljust(160, "k"), "state": "Failed", "reason": "R" * 32}
    last = {"connection": TARGETS[number % len(TARGETS)], "key": old_key(uid, number), "state": "Accepted"}
    return {
        "id": name("p-", number, 32),
        "epoch": 1,
        "round": 1,
        "level": name("level-", 0),
        "dueTime": MOMENT,
        "state": "Accepted",
        "late": "l" * 32,
        "hops": [*(vain | {"connection": pager} for pager in FALLBACKS), hop | last | {"sentTime": MOMENT}],
    }


def old_key(uid: str, number: int) -> str:
    """The key of an earlier page."""
    return f"{uid}/{name('k', number, 160 - len(uid) - 1)}"


def full_lists(shop: Shop, status: Object, uid: str) -> Object:
    """The other lists of a status, to be merged into it: each as long as it may be."""
    conditions = [
        {"type": f"OfAnother{letter}", "status": "True", "reason": "R" * 64, "message": "m" * 1024}
        | {"lastTransitionTime": MOMENT, "observedGeneration": 2**53 - 1}
        for letter in "ABCDEFGHIJKL"
    ]
    record = {"time": MOMENT, "via": "v" * 32, "epoch": 1, "digest": "d" * 32, "note": "n" * 256}
    entry = {"time": MOMENT, "kind": "k" * 32, "actor": "a" * 253, "source": "s" * 32, "text": "t" * 256}
    roles = [
        {"name": name("role-", number, 64), "user": "u" * 253, "sinceTime": MOMENT}
        for number in range(most(IncidentStatus, "roles"))
    ]
    room = most(IncidentStatus, "conditions") - len(status["conditions"])
    return {
        "conditions": [*status["conditions"], *conditions[:room]],
        "acknowledgements": [
            record | {"user": name("one-", number, 253)} for number in range(MAX_ACKNOWLEDGEMENTS)
        ],
        "timeline": [entry] * MAX_TIMELINE,
        "roles": roles,
        "pages": [*old_pages(shop, uid, MAX_PAGES - len(status["pages"])), *status["pages"]],
    }
