"""What the oracles ask of a run: what was placed in it, what it ended in, and what it is compared with."""

import re
from dataclasses import dataclass
from typing import Any

from dev.fake_slack_shapes import Channel
from tests.faults.catalog import CATALOG, Entry
from tests.faults.crossings import Crossing
from tests.faults.play import Run
from tests.faults.run_stage import RunStage
from tests.faults.team import INCIDENTS

TIME = re.compile(r"^\d\d:\d\d UTC: ")
DATE = re.compile(r"\d{8}")
"""In a channel's name."""

LATEST = 20.0
"""Seconds by which a crash may delay a page (F66)."""

Body = dict[str, Any]
Rooms = list[tuple[str, bool, list[str]]]
"""(name, whether it is archived, lines) of each channel."""


@dataclass(frozen=True, slots=True)
class Reference:
    """What a scenario costs and ends in when nothing goes wrong."""

    writes: int
    end: Body
    levels: tuple[str, ...]
    """The keys of all pages without their targets."""
    crossings: tuple[Crossing, ...]
    acts: tuple[str, ...] = ()
    """What a runbook did outside."""
    run_phase: str = ""
    """As what the run of one ended."""


def entries(run: Run) -> list[Entry]:
    """The faults of a run's plan."""
    return [CATALOG[placed.fault] for placed in run.plan.placed]


def end_of(run: Run) -> Body:
    """What a run ended in, with all that a fault may rightly change left out."""
    stage = run.stage
    incidents = [body for _, body in stage.server.store.all(INCIDENTS)]
    found = {body["metadata"]["name"]: body.get("status", {}) for body in incidents}
    channels = [c for c in stage.vendors.slack.channels if c.said]
    return {
        "phases": {key: status.get("phase") for key, status in found.items()},
        "escalation": {key: status.get("escalation", {}).get("state") for key, status in found.items()},
        "next": {key: status.get("escalation", {}).get("nextTime") for key, status in found.items()},
        "open alerts": len(stage.vendors.open_alerts),
        "channels": [(DATE.sub("DATE", c.name), c.is_archived, _said(c, stage.namespace)) for c in channels],
    }


def _said(channel: Channel, namespace: str) -> list[str]:
    """What was said in a channel, line by line, without times; in how many posts makes no difference."""
    lines = (line for each in channel.said for line in each["text"].splitlines())
    return sorted(TIME.sub("", line).replace(namespace, "NAMESPACE") for line in lines)


def reference_of(run: Run) -> Reference:
    """What a run without a fault is the reference for."""
    phase = run.stage.of_run().get("phase", "") if isinstance(run.stage, RunStage) else ""
    return Reference(
        run.history.writes, end_of(run), levels_of(run), tuple(run.crossings), acts_of(run), phase
    )


def acts_of(run: Run) -> tuple[str, ...]:
    """What runbooks did outside, where there is one: changes of objects, and requests to the deployer."""
    if not isinstance(run.stage, RunStage):
        return ()
    changed = (f"{method} {path}" for _, method, path in run.stage.acts)
    return (*changed, *["a call of the deployer"] * run.stage.calls)


def levels_of(run: Run) -> tuple[str, ...]:
    """Which levels of which rounds and epochs were paged, for which incident in the order of declaration."""
    order = {uid: str(number) for number, uid in enumerate(run.stage.declared)}
    keys = {(page.uid, page.key.rpartition("/")[0]) for page in run.stage.vendors.pages}
    return tuple(sorted(key.replace(uid, order.get(uid, uid)) for uid, key in keys))
