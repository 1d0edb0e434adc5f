"""An incident's channel by the product's own provider and sender, held against Slack's document.

The document is of 2021 and knows no bookmarks: what sets them goes around Prism.
"""

import itertools

import pytest

from dev.contract.fault_proxy import CUT_AFTER_DELIVERY, Fault
from dev.fake_slack_shapes import Channel as Room
from dev.receiver import SLACK_PATH, Reaction
from tests.contract.slack_stage import TOKEN
from tests.contract.stage import Stage
from tests.providers.talking import FACTS
from watchbill.api.connection import Slack
from watchbill.api.resources import Channel
from watchbill.core.effects import (
    ArchiveChannel,
    ChannelEffect,
    CreateChannel,
    DescribeChannel,
    PostToChannel,
)
from watchbill.core.outcomes import Result
from watchbill.providers.contract import Settings, Verdict
from watchbill.providers.slack import SlackProvider
from watchbill.shell.clock import Clock
from watchbill.shell.send import Sender

NAMES = (f"inc-room-{number}" for number in itertools.count())
PASSED = Fault("slow")
"""What becomes of a request that is let through."""


@pytest.fixture
def name() -> str:
    return next(NAMES)


async def done(effect: ChannelEffect, origin: str, token: str = TOKEN) -> Verdict:
    """What the product's own sender makes of it."""
    ref = {"botTokenSecretRef": {"name": "slack", "key": "botToken"}, "baseURL": origin}
    settings = Settings(Slack.model_validate(ref), {"slack.botTokenSecretRef": token})
    sender = Sender(Clock())
    try:
        verdict = await sender.converse(SlackProvider(), effect, settings, rank=1, still_wanted=lambda: True)
    finally:
        await sender.aclose()
    assert verdict is not None
    return verdict


def create(name: str, may_adopt: tuple[str, ...] = (), **known: str) -> CreateChannel:
    since = Clock().now()
    channel = Channel(connection="slack", namespace="chat", name=name, state="Pending", since_time=since)
    return CreateChannel(FACTS, channel.model_copy(update=known), f"{name}-{FACTS.uid[:4]}", may_adopt)


def made(found: Verdict, posting: int = 1, uncertain: bool = False) -> Channel:
    assert found.result is Result.OK, found
    return create(found.name).channel.model_copy(
        update={"external_id": found.external_id, "posting": posting, "uncertain": uncertain}
    )


def room(slack: Stage, name: str) -> Room:
    """The only channel that there is, which has this name."""
    (found,) = slack.receiver.slack.channels
    assert found.name == name
    return found


@pytest.mark.feature("F35.core")
async def test_a_channel_is_made_described_spoken_in_and_archived(slack: Stage, name: str):
    channel = made(await done(create(name), slack.checked))
    for effect in (
        PostToChannel(FACTS, channel, "Checkout <fails> & burns"),
        DescribeChannel(FACTS, channel, "SEV-1 | Checkout fails | shop/checkout"),
        ArchiveChannel(FACTS, channel),
        ArchiveChannel(FACTS, channel),
    ):
        assert await done(effect, slack.checked) == Verdict(Result.OK)
    found = room(slack, name)
    assert [message["text"] for message in found.said] == ["Checkout &lt;fails&gt; &amp; burns"]
    assert found.topic["value"] == "SEV-1 | Checkout fails | shop/checkout"
    assert FACTS.uid in found.purpose["value"]
    assert found.is_archived


@pytest.mark.feature("F35.core")
async def test_a_create_whose_answer_is_lost_is_found_again_and_made_no_second_time(slack: Stage, name: str):
    slack.receiver.slack.longest_page = 2
    for number in range(3):
        made(await done(create(f"{name}-before-{number}"), slack.checked))
    slack.failing.script(PASSED, CUT_AFTER_DELIVERY)
    lost = await done(create(name), slack.failing.url)
    assert (lost.result, lost.external_id) == (Result.UNKNOWN, "")
    found = await done(create(name, may_adopt=(name,)), slack.failing.url)
    assert (found.result, found.name) == (Result.OK, name)
    assert [each.name for each in slack.receiver.slack.channels].count(name) == 1
    assert len(slack.receiver.slack.channels) == 4


async def test_a_mark_whose_answer_is_lost_is_set_again_on_the_channel_that_was_made(slack: Stage, name: str):
    slack.failing.script(PASSED, PASSED, CUT_AFTER_DELIVERY)
    lost = await done(create(name), slack.failing.url)
    assert (lost.result, lost.external_id) == (Result.UNKNOWN, room(slack, name).id)
    found = await done(create(name, external_id=lost.external_id), slack.failing.url)
    assert (found.result, found.external_id) == (Result.OK, lost.external_id)
    assert found.url.endswith(f"/archives/{lost.external_id}")


async def test_a_post_whose_answer_is_lost_is_found_again_by_its_mark(slack: Stage, name: str):
    channel = made(await done(create(name), slack.checked))
    slack.failing.script(CUT_AFTER_DELIVERY)
    lost = await done(PostToChannel(FACTS, channel, "once"), slack.failing.url)
    assert lost.result is Result.UNKNOWN
    unsure = channel.model_copy(update={"uncertain": True})
    assert (await done(PostToChannel(FACTS, unsure, "once"), slack.failing.url)).result is Result.OK
    assert [message["text"] for message in room(slack, name).said] == ["once"]
    following = unsure.model_copy(update={"posting": 2})
    assert (await done(PostToChannel(FACTS, following, "twice"), slack.failing.url)).result is Result.OK
    assert [message["text"] for message in room(slack, name).said] == ["once", "twice"]


async def test_a_call_that_is_cut_before_it_arrives_makes_nothing(slack: Stage, name: str):
    slack.failing.script(PASSED, Fault("cut"))
    assert (await done(create(name), slack.failing.url)).result is Result.UNKNOWN
    assert slack.receiver.slack.channels == []


async def test_slacks_limit_is_waited_for(slack: Stage, name: str):
    body = b'{"ok": false, "error": "ratelimited"}'
    headers = {"retry-after": "30", "content-type": "application/json"}
    limited = Reaction(status=429, headers=headers, body=body)
    slack.receiver.script(f"{SLACK_PATH}/api/conversations.create", limited, times=1)
    found = await done(create(name), slack.checked)
    assert found.after is not None
    assert (found.result, found.after.total_seconds()) == (Result.RETRY, 30)


async def test_a_token_that_does_not_exist_is_about_the_credential(slack: Stage, name: str):
    found = await done(create(name), slack.checked, "xoxb-other")
    assert (found.result, found.reason) == (Result.AUTH, "invalid_auth")


async def test_bookmarks_are_added_once(slack: Stage, name: str):
    channel = made(await done(create(name), slack.checked))
    link = ("Dashboard", "https://grafana.example.com/")
    around = f"{slack.receiver.url}{SLACK_PATH}"
    for _ in range(2):
        assert (await done(DescribeChannel(FACTS, channel, "t", (link,)), around)).result is Result.OK
    assert [(each["title"], each["link"]) for each in room(slack, name).bookmarks] == [link]
