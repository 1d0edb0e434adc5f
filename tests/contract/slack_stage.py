"""Slack behind its document, started once for all that is held against it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from dev.contract.tools import Tools
from dev.fake_slack import FakeSlack
from dev.receiver import SLACK_PATH, Receiver
from tests.contract.stage import Stage, stage
from tests.support.specs import vendor_document

TOKEN = "xoxb-example"


def strict(node: Any) -> Any:
    """The document with its unions made to bite.

    It words "one of these" as `items` without a type, which only arrays have to heed: so any channel at
    all would be a channel.
    """
    if isinstance(node, list):
        return [strict(each) for each in node]
    if not isinstance(node, dict):
        return node
    if "type" not in node and isinstance(node.get("items"), dict) and node["items"].keys() == {"anyOf"}:
        node = {**node, **node["items"]}
        del node["items"]
    return {name: strict(each) for name, each in node.items()}


@pytest.fixture(scope="session")
def slack_stage(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    directory = tmp_path_factory.mktemp("slack")
    document = directory / "document.json"
    original = vendor_document("slack/slack_web_openapi_v3.trimmed.json")
    document.write_text(json.dumps(strict(json.loads(original.read_text()))))
    receiver = Receiver(slack=FakeSlack(tokens={TOKEN}))
    with stage(tools, document, receiver, SLACK_PATH, directory) as running:
        yield running


@pytest.fixture
def slack(slack_stage: Stage) -> Stage:
    """The stage, with a workspace in which nothing has happened yet."""
    slack_stage.failing.script()
    slack_stage.receiver.slack.channels.clear()
    return slack_stage
