"""A channel in Slack for an incident, on a real API server: made once, told of everything, archived."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from dev.fake_slack_shapes import ANA, BOT
from dev.operator_process import OperatorProcess
from dev.receiver import Reaction, Receiver
from tests.support.kubectl import Kubectl
from tests.support.manifests import text as manifest
from tests.support.room import BOOKMARK, api, channel, connect, furnish, posts, the_channel, told
from tests.support.team import Object, Team, condition
from tests.support.versions import moment_of, written_since

pytestmark = pytest.mark.cluster

WHO: dict[str, Any] = {"setBy": {"state": "admin"}}


@pytest.fixture
def room(team: Team, operator: OperatorProcess) -> Team:
    """A team whose incidents have a channel, and an operator that runs."""
    return furnish(team)


@pytest.mark.feature("F35.core")
def test_a_channel_is_made_once_named_by_template_with_topic_and_bookmarks_and_told_of_each_transition(
    room: Team,
):
    uid = room.declare()["metadata"]["uid"]
    incident = room.wait_for(lambda i: i if channel(i).get("state") == "Ready" else None)
    made = the_channel(room, lambda found: found.bookmarks)
    created = incident["metadata"]["creationTimestamp"][:10].replace("-", "")
    assert made.name == f"inc-{created}-checkout"
    assert made.topic["value"] == f"SEV-1 | Checkout fails | {room.namespace}/checkout"
    assert [(each["title"], each["link"]) for each in made.bookmarks] == [tuple(BOOKMARK.values())]
    assert uid in made.purpose["value"]
    assert posts(made)[0].startswith("SEV-1: Checkout fails")
    assert f"kubectl -n {room.namespace} patch incident checkout" in posts(made)[0]
    assert channel(incident)["externalID"] == made.id
    assert channel(incident)["url"] == f"https://example.slack.com/archives/{made.id}"
    room.acknowledge()
    the_channel(room, told("admin acknowledged"))
    room.patch(severity="SEV-2", setBy={"severity": "admin"})
    the_channel(room, lambda found: found.topic["value"].startswith("SEV-2") and told("to SEV-2")(found))
    room.patch(state="Mitigated", stateReason="rolled back", **WHO)
    the_channel(room, told("said Mitigated: rolled back"))
    room.patch(state="Resolved", stateReason="all green", **WHO)
    the_channel(room, lambda found: found.is_archived)
    assert "reopen window" in posts(made)[-1]
    assert len(made.bookmarks) == 1
    numbers = [m["metadata"]["event_payload"]["number"] for m in made.messages if "metadata" in m]
    assert numbers == sorted(set(numbers)), "each once, and in order"


def test_a_channel_costs_at_most_two_status_writes_more(room: Team):
    before = moment_of(room.kubectl, room.namespace)
    room.declare()
    the_channel(room, lambda found: found.bookmarks)
    room.acknowledge()
    the_channel(room, told("acknowledged"))
    room.patch(state="Resolved", stateReason="over", **WHO)
    the_channel(room, lambda found: found.is_archived)
    room.wait_for(lambda i: channel(i).get("archived"))
    versions = written_since(room.kubectl, room.namespace, before, "checkout")
    generations = {each["metadata"]["generation"] for each in versions}
    assert generations == {1, 2, 3}
    # Without a channel it is one each for the page, the acknowledgement, the resolution and the close.
    phases = [each.get("status", {}).get("phase") for each in versions]
    assert len(versions) - len(generations) <= 4 + 2, phases


def test_a_hanging_slack_delays_no_page_and_no_acknowledgement_and_it_heals_by_itself(room: Team):
    room.receiver.script(api("conversations.create"), Reaction(kind="hang"))
    room.declare()
    room.receiver.wait_for(lambda seen: seen.alerts, timeout=3)
    room.wait_for(lambda i: i["status"]["pages"][0]["state"] == "Accepted", within=3)
    room.acknowledge()
    room.wait_for_phase("Acknowledged", within=3)
    room.receiver.heal(api("conversations.create"))
    degraded = room.wait_for(
        lambda i: condition(i, "Degraded") if condition(i, "Degraded")["status"] == "True" else None,
        within=15,
    )
    assert degraded["reason"] == "ConnectionFailing"
    assert f"connection {room.namespace}/slack fails (Timeout)" in degraded["message"]
    incident = room.wait_for(lambda i: i if channel(i).get("state") == "Ready" else None, within=15)
    assert condition(incident, "Degraded")["status"] == "False"
    the_channel(room, told("admin acknowledged"))


@pytest.mark.parametrize(
    ("method", "reaction"),
    [
        ("conversations.create", Reaction(kind="reset", accepted=True)),
        ("conversations.setPurpose", Reaction(kind="reset", accepted=True)),
        ("conversations.setPurpose", Reaction(kind="reset")),
        ("chat.postMessage", Reaction(kind="reset", accepted=True)),
        ("bookmarks.add", Reaction(kind="reset", accepted=True)),
        ("conversations.create", Reaction(status=429, headers={"retry-after": "1"})),
        ("chat.postMessage", Reaction(status=503)),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.kind} {value.status} {value.accepted}",
)
@pytest.mark.feature("F35.core")
def test_whatever_answer_is_lost_there_is_one_channel_one_declaration_and_one_bookmark(
    room: Team, method: str, reaction: Reaction
):
    room.receiver.script(api(method), reaction, times=1)
    room.declare()
    made = the_channel(room, lambda found: found.bookmarks and posts(found) and found.topic["value"])
    room.acknowledge()
    the_channel(room, told("admin acknowledged"))
    assert ["SEV-1: Checkout fails" in text for text in posts(made)] == [True, False]
    assert len(made.bookmarks) == 1
    assert channel(room.incident())["state"] == "Ready"


def test_a_name_that_somebody_else_has_is_left_alone(room: Team):
    first = room.declare("alpha")
    date = first["metadata"]["creationTimestamp"][:10].replace("-", "")
    taken = room.receiver.slack.add(f"inc-{date}-beta", members=(ANA, BOT), purpose={"value": "Lunch"})
    uid = room.declare("beta")["metadata"]["uid"]
    found = room.wait_for(lambda i: channel(i) if channel(i).get("state") == "Ready" else None, "beta")
    assert found["name"] == f"inc-{date}-beta-{uid[:4]}"
    assert (taken.purpose["value"], posts(taken)) == ("Lunch", [])


@pytest.mark.parametrize(
    ("broken", "reason", "words"),
    [
        ({"allowedClasses": []}, "RefNotPermitted", "in its spec.allowedClasses"),
        ({"slack": None, "console": {}}, "InvalidSpec", "makes no channels"),
    ],
    ids=["not granted", "another vendor"],
)
def test_a_connection_that_cannot_be_used_is_named_and_used_once_it_can(
    room: Team, broken: Object, reason: str, words: str
):
    if "console" in broken:
        room.kubectl("-n", room.namespace, "delete", "connection", "slack")
        room.connection("slack", console={}, allowedClasses=[room.class_name])
    else:
        connect(room, **broken)
    room.declare()
    found = room.wait_for(lambda i: channel(i) if channel(i).get("reason") else None)
    assert (found["state"], found["reason"]) == ("Pending", reason)
    assert words in found["message"]
    assert words in condition(room.incident(), "Degraded")["message"]
    room.kubectl("-n", room.namespace, "delete", "connection", "slack")
    room.wait_for(lambda i: channel(i).get("reason") == "RefNotFound")
    connect(room)
    room.wait_for(lambda i: channel(i).get("state") == "Ready", within=5)


def test_a_token_that_is_refused_is_told_and_a_new_one_is_used(room: Team):
    room.receiver.slack.tokens = frozenset({"xoxb-new"})
    room.declare()
    found = room.wait_for(lambda i: channel(i) if channel(i).get("reason") else None)
    assert (found["state"], found["reason"]) == ("Failed", "invalid_auth")
    assert found["message"] == "auth.test: invalid_auth"
    assert "xoxb-test" not in json.dumps(room.incident())


def test_kubectl_shows_where_the_channel_is(room: Team):
    room.declare()
    url = room.wait_for(lambda i: channel(i).get("url"))
    shown = room.kubectl("-n", room.namespace, "get", "incident", "checkout", "-o", "wide").stdout
    assert "CHANNEL" in shown.splitlines()[0]
    assert url in shown


@pytest.fixture
def platform(kubectl: Kubectl, receiver: Receiver) -> Iterator[Receiver]:
    """platform.yaml, team.yaml and, over them, channel.yaml; the class is given back without a channel."""
    for name in ("platform.yaml", "team.yaml", "channel.yaml"):
        kubectl("apply", "-f", "-", input=manifest(name, receiver.url))
    yield receiver
    kubectl("apply", "-f", "-", input=manifest("platform.yaml", receiver.url))
    kubectl("-n", "incident-platform", "delete", "connection", "slack")


def test_the_manifest_of_the_platform_works_as_it_is(
    platform: Receiver, kubectl: Kubectl, operator: OperatorProcess
):
    text = manifest("incident-minimal.yaml").replace("name: checkout-500s", "name: in-a-room")
    kubectl("create", "-f", "-", input=text)
    made = platform.wait_for(lambda seen: next((c for c in seen.slack.channels if posts(c)), None))
    assert made.name.endswith("-in-a-room")
    waited = kubectl(
        *("-n", "shop", "wait", "incident/in-a-room", "--timeout=10s"),
        "--for=jsonpath={.status.resources.channel.state}=Ready",
        check=False,
    )
    assert waited.returncode == 0, waited.stderr
