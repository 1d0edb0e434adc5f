"""What the demo looks for: in an incident's status as the API server has it, and among what arrived."""

from typing import Any

from dev.demo_stage import Stage
from dev.demo_story import Notice

Status = dict[str, Any]


def is_true(status: Status, type_: str) -> Status | None:
    """The condition of this type where it is True."""
    found = (each for each in status.get("conditions", []) if each["type"] == type_)
    return next((each for each in found if each["status"] == "True"), None)


def ready(stage: Stage, plural: str, name: str) -> Status | None:
    """The condition Ready of an object of the team where it is True."""
    return is_true(stage.read(plural, name).get("status", {}), "Ready")


def page_of(status: Status, level: str, state: str) -> Status | None:
    """The first page of a level that is in this state."""
    found = (page for page in status.get("pages", []) if page["level"] == level)
    return next((page for page in found if page["state"] == state), None)


def opened(status: Status, level: str) -> Status | None:
    """The status where its timeline tells that the level opened."""
    texts = [entry["text"] for entry in status.get("timeline", []) if entry["kind"] == "LevelOpened"]
    return status if any(f"level {level} opened" in text for text in texts) else None


def acknowledged(status: Status) -> Status | None:
    """The status where ana has acknowledged, commands, and no level opens any more."""
    is_hers = status.get("commander") == "ana" and status["escalation"]["state"] == "Stopped"
    return status if is_hers and is_true(status, "Acknowledged") else None


def keys(status: Status) -> set[str]:
    """Every outward key that the status holds."""
    return {hop["key"] for page in status.get("pages", []) for hop in page["hops"]}


def pages(stage: Stage) -> list[Notice]:
    """Every page that arrived anywhere, also one that was refused."""
    return [notice for notice in stage.notices if notice.action == "trigger"]


def unclosed(stage: Stage, action: str) -> set[str]:
    """The keys of pages that a webhook took and was not told this of."""
    taken = {page.key for page in pages(stage) if not page.by_pagerduty}
    return taken - {notice.key for notice in stage.notices if notice.action == action}
