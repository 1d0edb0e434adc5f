"""The fake of Slack, by itself; tests/contract holds it against the vendor's own document."""

import http.client
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from dev.fake_slack import FakeSlack
from dev.fake_slack_shapes import BOT, Channel, refusal
from dev.receiver import SLACK_PATH, Reaction, Receiver

TOKEN = "xoxb-example"
PEOPLES, SECRET, OURS = (f"C{number:08}" for number in (1, 2, 3))
CREATE, POST = f"{SLACK_PATH}/api/conversations.create", f"{SLACK_PATH}/api/chat.postMessage"


class Client:
    """Calls methods as a provider does: GETs by their query, POSTs by a body in JSON."""

    def __init__(self, receiver: Receiver) -> None:
        self.slack = receiver.slack
        self._port = int(receiver.url.rpartition(":")[2])

    def get(self, method: str, **given: Any) -> dict[str, Any]:
        return self._call("GET", f"{method}?{urlencode(given)}", b"")

    def post(self, method: str, token: str = TOKEN, **given: Any) -> dict[str, Any]:
        return self._call("POST", method, json.dumps(given).encode(), token)

    def created(self, name: str) -> str:
        return str(self.post("conversations.create", name=name)["channel"]["id"])

    def _call(self, verb: str, rest: str, body: bytes, token: str = TOKEN) -> dict[str, Any]:
        headers = {"content-type": "application/json; charset=utf-8"}
        headers |= {"authorization": f"Bearer {token}"} if token else {}
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        try:
            connection.request(verb, f"{SLACK_PATH}/api/{rest}", body or None, headers)
            answer = connection.getresponse()
            return {"http": answer.status, **json.loads(answer.read())}
        finally:
            connection.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver(slack=FakeSlack(tokens={TOKEN})) as running:
        yield running


@pytest.fixture
def client(receiver: Receiver) -> Client:
    return Client(receiver)


def the(channel: Channel | None) -> Channel:
    assert channel is not None
    return channel


@pytest.mark.parametrize(("token", "error"), [("", "not_authed"), ("xoxb-other", "invalid_auth")])
def test_without_a_valid_token_nothing_is_done(client: Client, token: str, error: str):
    assert client.post("conversations.create", token=token, name="inc-1")["error"] == error
    assert client.slack.channels == []


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("", "invalid_name_required"),
        ("a" * 81, "invalid_name_maxlength"),
        ("--_", "invalid_name_punctuation"),
        ("Inc-1", "invalid_name_specials"),
        ("inc 1", "invalid_name_specials"),
        ("inc.1", "invalid_name_specials"),
    ],
)
def test_a_name_that_slack_cannot_have_is_refused(client: Client, name: str, error: str):
    assert client.post("conversations.create", name=name)["error"] == error


@pytest.mark.parametrize("others", [{}, {"is_archived": True}, {"is_private": True}], ids=str)
def test_a_name_is_taken_by_any_channel_open_archived_or_unseen(client: Client, others: dict[str, Any]):
    client.slack.add("inc-1", **others)
    assert client.post("conversations.create", name="inc-1")["error"] == "name_taken"


def test_who_created_a_channel_and_when_is_told(client: Client):
    channel = client.post("conversations.create", name="inc-1")["channel"]
    assert (channel["creator"], channel["created"]) == (BOT, the(client.slack.channel("inc-1")).created)


def test_topic_and_purpose_are_kept_and_shown(client: Client):
    channel = client.created("inc-1")
    client.post("conversations.setTopic", channel=channel, topic="SEV-1")
    client.post("conversations.setPurpose", channel=channel, purpose="uid")
    [shown] = client.get("users.conversations")["channels"]
    assert (shown["topic"]["value"], shown["purpose"]["value"]) == ("SEV-1", "uid")
    long = client.post("conversations.setTopic", channel=channel, topic="t" * 251)
    assert long["error"] == "too_long"


def test_an_archived_channel_takes_nothing_more_and_is_archived_once(client: Client):
    channel = client.created("inc-1")
    answers = [client.post("conversations.archive", channel=channel) for _ in range(2)]
    assert [answer.get("error") for answer in answers] == [None, "already_archived"]
    posted = client.post("chat.postMessage", channel=channel, text="more")
    topic = client.post("conversations.setTopic", channel=channel, topic="more")
    assert (posted["error"], topic["error"]) == ("is_archived", "is_archived")


def test_the_bots_channels_come_in_pages(client: Client):
    client.slack.add("random")
    made = [client.created(f"inc-{number}") for number in range(5)]
    client.post("conversations.archive", channel=made[0])
    seen, cursor = [], ""
    while True:
        answer = client.get("users.conversations", limit=2, cursor=cursor, exclude_archived="true")
        seen += [channel["id"] for channel in answer["channels"]]
        if not (cursor := answer["response_metadata"]["next_cursor"]):
            break
    assert seen == made[1:]
    assert client.get("users.conversations")["channels"][0]["is_archived"]


def test_history_is_the_newest_first_in_pages_from_the_oldest_that_is_asked_for(client: Client):
    channel = client.created("inc-1")
    ts = [client.post("chat.postMessage", channel=channel, text=str(n))["ts"] for n in range(4)]
    first = client.get("conversations.history", channel=channel, oldest=ts[0], limit=2)
    assert ([each["text"] for each in first["messages"]], first["has_more"]) == (["3", "2"], True)
    cursor = first["response_metadata"]["next_cursor"]
    last = client.get("conversations.history", channel=channel, oldest=ts[0], limit=2, cursor=cursor)
    assert ([each["text"] for each in last["messages"]], last["has_more"]) == (["1"], False)


def test_metadata_is_shown_whole_to_who_asks_for_all(client: Client):
    channel = client.created("inc-1")
    metadata = {"event_type": "watchbill", "event_payload": {"uid": "u"}}
    client.post("chat.postMessage", channel=channel, text="hello", metadata=metadata)
    short = client.get("conversations.history", channel=channel, limit=1)["messages"][0]
    whole = client.get("conversations.history", channel=channel, limit=1, include_all_metadata="true")
    assert short["metadata"] == {"event_type": "watchbill"}
    assert whole["messages"][0]["metadata"] == metadata


def test_a_channel_tells_what_was_done_to_it_beside_what_was_said(client: Client):
    channel = client.created("inc-1")
    client.post("conversations.setTopic", channel=channel, topic="SEV-1")
    client.post("chat.postMessage", channel=channel, text="hello")
    kinds = [each.get("subtype") for each in the(client.slack.channel("inc-1")).messages]
    assert kinds == ["channel_join", "channel_topic", None]
    assert [each["text"] for each in the(client.slack.channel("inc-1")).said] == ["hello"]


@pytest.mark.parametrize(
    ("verb", "method", "given", "error"),
    [
        ("post", "chat.postMessage", {"channel": "C00000009", "text": "x"}, "channel_not_found"),
        ("post", "chat.postMessage", {"channel": PEOPLES, "text": "x"}, "not_in_channel"),
        ("post", "chat.postMessage", {"channel": SECRET, "text": "x"}, "channel_not_found"),
        ("post", "chat.postMessage", {"channel": OURS}, "no_text"),
        (
            "post",
            "chat.postMessage",
            {"channel": OURS, "text": "x", "metadata": {}},
            "invalid_metadata_format",
        ),
        ("get", "conversations.history", {"channel": PEOPLES}, "not_in_channel"),
        ("get", "conversations.history", {"channel": OURS, "limit": 0}, "invalid_limit"),
        ("get", "conversations.history", {"channel": OURS, "oldest": "now"}, "invalid_ts_oldest"),
        ("get", "users.conversations", {"cursor": "?"}, "invalid_cursor"),
        ("post", "bookmarks.add", {"channel_id": OURS, "title": "t", "type": "link"}, "invalid_link"),
        ("post", "conversations.paint", {}, "unknown_method"),
    ],
)
def test_what_cannot_be_done_is_refused_in_slacks_words(
    client: Client, verb: str, method: str, given: dict[str, Any], error: str
):
    client.slack.add("peoples")
    client.slack.add("secret", is_private=True)
    client.created("ours")
    answer = getattr(client, verb)(method, **given)
    assert (answer["http"], answer["ok"], answer["error"]) == (200, False, error)


def test_bookmarks_are_added_and_listed(client: Client):
    channel = client.created("inc-1")
    link = {"title": "Incident", "type": "link", "link": "https://example.com/1"}
    added = client.post("bookmarks.add", channel_id=channel, **link)["bookmark"]
    assert client.get("bookmarks.list", channel_id=channel)["bookmarks"] == [added]


def test_a_method_fails_as_it_is_told_and_then_works(receiver: Receiver, client: Client):
    receiver.script(CREATE, Reaction(status=429, headers={"retry-after": "30"}), times=1)
    receiver.script(CREATE, refusal("internal_error"), times=1)
    answers = [client.post("conversations.create", name="inc-1") for _ in range(3)]
    assert [answer["http"] for answer in answers] == [429, 200, 200]
    assert [answer.get("error", "") for answer in answers] == ["", "internal_error", ""]
    assert len(receiver.requests_to(CREATE)) == 3


def test_a_message_can_arrive_although_its_answer_is_cut(receiver: Receiver, client: Client):
    channel = client.created("inc-1")
    receiver.script(POST, Reaction("reset", accepted=True), times=1)
    with pytest.raises(ConnectionResetError):
        client.post("chat.postMessage", channel=channel, text="hello")
    assert [each["text"] for each in the(client.slack.channel("inc-1")).said] == ["hello"]


def test_a_method_can_be_slow_and_still_answer_well(receiver: Receiver, client: Client):
    receiver.script(CREATE, Reaction("well", delay=0.05), times=1)
    assert client.post("conversations.create", name="inc-1")["ok"]
