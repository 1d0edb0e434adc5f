"""A team whose incidents have a channel, and what is seen of it in its Slack and in the incident."""

from collections.abc import Callable
from typing import Any

from dev.fake_slack_shapes import Channel
from dev.receiver import Receiver
from tests.support.builders import target
from tests.support.team import Object, Team

BOOKMARK = {"title": "Dashboard", "url": "https://grafana.example.com/d/checkout"}


def api(method: str) -> str:
    """Where a method of Slack is called."""
    return f"/slack/api/{method}"


def channel(incident: Object) -> Object:
    """The channel's record; empty where there is none."""
    found: Object = incident.get("status", {}).get("resources", {}).get("channel", {})
    return found


def furnish(team: Team, **row: Any) -> Team:
    """A policy, a class whose incidents have a channel, and the connection that makes it."""
    team.policy(("first", "5m", [target("pagerduty")]))
    team.secret("slack", botToken="xoxb-test")
    ref = {"name": "slack", "namespace": team.namespace}
    room = {"channel": {"connectionRef": ref, "bookmarks": [BOOKMARK]}}
    connect(team)
    team.severities(response=room, reopenWindow="1s", postmortem={"policy": "Optional"}, **row)
    return team


def connect(team: Team, **spec: Any) -> None:
    """The connection to the team's Slack."""
    slack = {
        "botTokenSecretRef": {"name": "slack", "key": "botToken"},
        "baseURL": f"{team.receiver.url}/slack",
    }
    team.connection("slack", **({"slack": slack, "allowedClasses": [team.class_name]} | spec))


def the_channel(team: Team, found: Callable[[Channel], Any] = lambda channel: True) -> Channel:
    """The workspace's only channel, once this is true of it; fails where there is another."""

    def only(receiver: Receiver) -> Channel | None:
        channels = receiver.slack.channels
        assert len(channels) <= 1, [each.name for each in channels]
        return channels[0] if channels and found(channels[0]) else None

    return team.receiver.wait_for(only)


def told(words: str) -> Callable[[Channel], bool]:
    """Whether the last message says this."""
    return lambda channel: any(words in text for text in posts(channel)[-1:])


def posts(channel: Channel) -> list[str]:
    """What our app posted, the oldest first."""
    return [message["text"] for message in channel.said]
