"""What is named and is not there, or holds what cannot be used: said, passed by, and taken up once mended."""

from typing import Any

import pytest

from tests.support.builders import target
from tests.support.shop import BACKUP, Shop
from watchbill.core.texts import cut

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("operator")]

HOP_MESSAGE = 128
"""So much of what went wrong is kept in the ledger, in characters."""

UNUSABLE: dict[str, tuple[dict[str, str | bytes] | None, str]] = {
    "absent": (None, "SecretNotFound"),
    "otherwise": ({"other": "https://example.com"}, "SecretKeyMissing"),
    "empty": ({"url": ""}, "SecretKeyMissing"),
    "blank": ({"url": " \n\t"}, "SecretKeyMissing"),
    "binary": ({"url": b"\xff\xfe"}, "SecretKeyMissing"),
    "bare": ({"url": "hooks.example.com/page"}, "InvalidURL"),
    "ftp": ({"url": "ftp://hooks.example.com/page"}, "InvalidURL"),
    "port": ({"url": "https://hooks.example.com:99999/page"}, "InvalidURL"),
}
"""What a Secret holds in place of a URL, by the name of the connection, and the reason that is given."""

NO_URLS = {
    "without a scheme": "hooks.example.com/page",
    "of another scheme": "ftp://hooks.example.com/page",
    "of a script": "javascript:alert(1)",
    "without a host": "https:///page",
    "with a space": "https://hooks example.com/page",
    "with a password": "https://ana:tiger@hooks.example.com/page",
    "with a word as its port": "https://hooks.example.com:http/page",
    "of 10 KB": "https://hooks.example.com/" + "p" * 10_240,
}


def test_class_policy_and_connection_may_come_last_and_the_page_goes_out_at_once(shop: Shop):
    shop.ladder("good", ("first", "5m", [target(BACKUP)]))
    uid, home = shop.declare()["metadata"]["uid"], shop.namespace
    said = f"IncidentClass {shop.class_of('checkout')} is not there; create it, and the incident goes on"
    shop.says("Accepted", "ClassNotFound", said)
    shop.warns("NotPlanned", said)

    shop.incident_class("checkout")
    said = "EscalationPolicy checkout is not there, and the class's defaultEscalation cannot be used"
    shop.says("Accepted", "PolicyNotFound", said)
    shop.warns("NotPlanned", said)

    shop.ladder("checkout", ("first", "5m", [target("late")]), last_resort="later")
    missing = f"Connection {home}/late does not exist; create it or name another; and 1 more"
    path = "spec.levels[0].targets[0].connectionRef"
    assert shop.ready("EscalationPolicy", "checkout", "RefNotFound") == f"{path}: {missing}"
    said = f"no connection accepts a page: connection {home}/later is not there"
    shop.says("Degraded", "NobodyPaged", said)
    skipped = [e["text"] for e in shop.incident()["status"]["timeline"] if e["kind"] == "LevelSkipped"]
    said = f"level first: nobody can be reached (connection {home}/late is not there)"
    assert skipped == [f"{said}; the next one opens at once"]

    shop.declare("good")
    assert shop.paged("good", shop.at("backup"), within=5), "one that lacks something stops no other"
    shop.hook("late")
    assert shop.paged("checkout", shop.at("late"), within=5)["level"] == "first"
    shop.says("Degraded", "Delivering")
    keys = {request.json["data"]["key"] for request in shop.receiver.requests_to(shop.at("late"))}
    assert {key.partition("/")[0] for key in keys} == {uid}
    assert len(keys) == 1


def test_a_secret_that_cannot_be_used_is_named_passed_by_and_used_once_it_is_mended(shop: Shop):
    for case, (values, _) in UNUSABLE.items():
        if values is not None:
            shop.secret(case, **values)
        shop.connection(case, webhook={"urlSecretRef": {"name": case, "key": "url"}})
        shop.ladder(case, ("first", "5m", [target(case, BACKUP)]))
        shop.declare(case)
    # Where there is no fallback, nobody is paged, and the level is walked anew without anybody's asking.
    shop.ladder("alone", ("first", "5m", [target("absent")]), last_resort="absent")
    shop.declare("alone")
    for case, (_, reason) in UNUSABLE.items():
        said = f"spec.webhook.urlSecretRef: {why(shop, case)}"
        assert shop.ready("Connection", case, reason) == said
        assert shop.paged(case, shop.at("backup"))["level"] == "first"
    for case in UNUSABLE:
        reason, message = hop(shop, case)
        said = f"connection {shop.namespace}/{case} fails ({reason}): {message}"
        shop.says("Degraded", "ConnectionFailing", said, case)
        said = f"first: {case} could not deliver ({reason}); trying {BACKUP}"
        shop.warns("FellOver", said, case)

    reason, message = hop(shop, "absent")
    said = f"connection {shop.namespace}/absent fails ({reason}): {message}"
    shop.says("Degraded", "NobodyPaged", f"no connection accepts a page: {said}", "alone")

    for case in UNUSABLE:
        shop.secret(case, url=f"{shop.receiver.url}{shop.at(case)}")
    for case in UNUSABLE:
        shop.ready("Connection", case, "ResolvedRefs")
        shop.ask_again(case)
    for case in UNUSABLE:
        assert shop.paged(case, shop.at(case))["epoch"] == 2
        shop.says("Degraded", "Delivering", name=case)
    assert shop.paged("alone", shop.at("absent"))["level"] == "first"
    shop.says("Degraded", "Delivering", name="alone")


def test_a_url_with_a_port_that_is_none_is_named_passed_by_and_used_once_it_is_mended(shop: Shop):
    shop.connection("hook", webhook={"url": "https://hooks.example.com:99999/page"})
    shop.ladder("checkout", ("first", "5m", [target("hook", BACKUP)]))
    shop.declare()
    said = "spec.webhook.url: is not an http or https URL that a request can go to; mind the port"
    assert shop.ready("Connection", "hook", "InvalidURL") == said
    assert shop.paged("checkout", shop.at("backup"))
    said = "spec.webhook.url: must be an http or https URL"
    said = f"connection {shop.namespace}/hook fails (Misconfigured): {said}"
    shop.says("Degraded", "ConnectionFailing", said)
    shop.hook("hook")
    shop.ready("Connection", "hook", "ResolvedRefs")
    shop.ask_again("checkout")
    assert shop.paged("checkout", shop.at("hook"))
    shop.says("Degraded", "Delivering")


@pytest.mark.parametrize("text", NO_URLS.values(), ids=NO_URLS)
def test_a_url_is_refused_with_its_path(shop: Shop, text: str):
    key = {"routingKeySecretRef": {"name": "pagerduty", "key": "routingKey"}}
    specs: dict[str, dict[str, Any]] = {
        "spec.webhook.url": {"webhook": {"url": text}},
        "spec.pagerDuty.baseURL": {"pagerDuty": key | {"baseURL": text}},
    }
    for path, spec in specs.items():
        refused = shop.refusal("Connection", spec)
        wrong = "Too long: may not be more than" if len(text) > 2048 else f'Invalid value: "{text}"'
        assert f"{path}: {wrong}" in refused


def why(shop: Shop, case: str) -> str:
    """What Ready says of the Secret in a case, after the path of the field."""
    if UNUSABLE[case][1] == "SecretNotFound":
        create = f"kubectl -n {shop.namespace} create secret generic {case} --from-literal=<key>=<value>"
        return f"Secret {case} is not in namespace {shop.namespace}; create it: {create}"
    if UNUSABLE[case][1] == "SecretKeyMissing":
        patch = f"kubectl -n {shop.namespace} patch secret {case} --type=merge -p 'stringData: {{url: ...}}'"
        return f"Secret {case} has no text under the key url; set it: {patch}"
    place = f"key url of Secret {shop.namespace}/{case}"
    return f"{place} is not an http or https URL such as https://example.com/hook"


def hop(shop: Shop, case: str) -> tuple[str, str]:
    """The reason and the message of the attempt to page through the Secret in a case."""
    reason = UNUSABLE[case][1]
    if reason == "InvalidURL":
        text = "spec.webhook.urlSecretRef: the key of the Secret must hold an http or https URL"
        return "Misconfigured", text
    return reason, cut(why(shop, case), HOP_MESSAGE)
