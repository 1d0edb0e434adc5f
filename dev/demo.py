"""`make demo`: one incident on a real API server, from its declaration to its end.

Each step is done as a person would do it, and read back twice: from the vendors, and from the API server.
"""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from subprocess import CompletedProcess

from dev import demo_facts as facts
from dev.demo_stage import (
    BACKUP_PATH,
    DECLARATION,
    EVERYONE_PATH,
    EXAMPLES,
    INCIDENT,
    MOMENTS,
    NAMESPACE,
    Stage,
    staged,
)
from dev.demo_story import Story
from dev.errors import DevError
from dev.receiver import PAGERDUTY_PATH

KILLS = (DECLARATION, *MOMENTS.values())
"""The moments at which the operator can be killed."""

TIMELINE = '{range .status.timeline[*]}{.time}{"\\t"}{.actor}{"\\t"}{.text}{"\\n"}{end}'
NAMED = ("-n", NAMESPACE)
SILENCE = 1.0
"""Seconds past the moment of the next page in which none must come."""

TOLD = ("Declared", "LevelOpened", "FellOver", "Acknowledged", "Resolved")
"""What the timeline must tell, in this order."""


def main(directory: Path | None, manifests: Path, kill_at: Sequence[str]) -> int:
    """The exit code 0 once all was seen; raises DevError with what is missing, and keeps the logs then."""
    home = directory or Path(tempfile.mkdtemp(prefix="watchbill-demo-"))
    story = Story(sys.stdout)
    is_kept = directory is not None
    try:
        with staged(home, manifests, story, set(kill_at)) as stage:
            play(stage, story)
            if stage.kills_to_come:
                raise DevError(f"MISSING: a kill -9 at {', '.join(sorted(stage.kills_to_come))}.")
    except DevError:
        is_kept = True
        raise
    finally:
        if not is_kept:
            shutil.rmtree(home, ignore_errors=True)
    story.end()
    return 0


def play(stage: Stage, story: Story) -> None:
    """Every step, in order."""
    set_up(stage, story)
    declare(stage, story)
    fall_back(stage, story)
    escalate(stage, story)
    due = datetime.fromisoformat(stage.status()["escalation"]["nextTime"])
    acknowledge(stage, story)
    refuse(stage, story)
    keep_silent(stage, story, due)
    resolve(stage, story)
    look_back(stage, story)


def set_up(stage: Stage, story: Story) -> None:
    """The platform and the team say how they work."""
    story.step("The platform and the team apply their manifests")
    story.say("   admin$ kubectl apply -f examples/roles/responder.yaml")
    story.say("   admin$ kubectl apply -f examples/demo/platform.yaml -f examples/demo/team.yaml \\")
    story.say("            -f examples/demo/people.yaml")
    stage.apply("platform.yaml", "team.yaml", "people.yaml")
    port = stage.receiver.url.rpartition(":")[2]
    story.say(f"      (with {port} in the place of 8099: a server there plays PagerDuty and the webhooks,")
    story.say("      and all the rest is real)")
    named = [("connections", name) for name in ("pagerduty", "backup-pager", "all-hands")]
    for plural, name in (*named, ("escalationpolicies", "on-call")):
        stage.wait_for(partial(facts.ready, stage, plural, name), f"{plural}/{name} to be Ready")
    story.check("the operator works under its own account; connections and policy are Ready")


def declare(stage: Stage, story: Story) -> None:
    """An incident pages the first level."""
    story.step("Checkout fails: ana declares an incident")
    stage.kill_before_declaration()
    story.start_clock()
    done(stage.ana("create", "-f", os.path.relpath(EXAMPLES / "incident.yaml")))
    stage.wait_for(lambda: stage.triggers(PAGERDUTY_PATH), "a page at PagerDuty")
    page = stage.wait_for(
        lambda: facts.page_of(stage.status(), "primary", "Accepted"), "the page in the ledger"
    )
    alert = stage.receiver.alert(page["hops"][0]["key"])
    if alert is None or alert.state != "triggered" or stage.status()["phase"] != "Triggered":
        raise DevError("MISSING: an open alert at PagerDuty, and the phase Triggered.")
    story.check("PagerDuty opened one alert under the key that the incident's status holds")


def fall_back(stage: Stage, story: Story) -> None:
    """The next page cannot go by PagerDuty, and goes by the backup."""
    stage.break_pagerduty()
    story.step(
        "PagerDuty breaks: from now on it answers 503. Nobody has acknowledged, so the next page is due"
    )
    backup = stage.wait_for(lambda: stage.triggers(BACKUP_PATH), "the page at the backup")[0]
    refused = next(each for each in stage.triggers(PAGERDUTY_PATH) if each.refused)
    if backup.key not in facts.keys(
        stage.wait_for(lambda: facts.opened(stage.status(), "secondary"), "level secondary")
    ):
        raise DevError(f"MISSING: the key {backup.key} in the incident's status.")
    seconds = backup.arrived - refused.arrived
    story.check(
        f"level secondary opened; its page went by the backup {seconds:.1f} s after PagerDuty's first 503"
    )
    degraded = stage.wait_for(lambda: facts.is_true(stage.status(), "Degraded"), "the condition Degraded")
    if f"{NAMESPACE}/pagerduty" not in degraded["message"]:
        raise DevError(f"MISSING: shop/pagerduty in the message of Degraded: {degraded['message']}")
    story.check(f"the incident is Degraded: {degraded['message']}")


def escalate(stage: Stage, story: Story) -> None:
    """Nobody answers, and the level after that opens."""
    stage.heal_pagerduty()
    story.step("PagerDuty works again, and still nobody answers: the next level pages everyone")
    page = stage.wait_for(lambda: stage.triggers(EVERYONE_PATH), "the page of level everyone")[0]
    status = stage.wait_for(
        lambda: facts.opened(stage.status(), "everyone"), "level everyone in the timeline"
    )
    if page.key not in facts.keys(status):
        raise DevError(f"MISSING: the key {page.key} in the incident's status.")
    story.check("level everyone opened by itself, with a key of its own")


def acknowledge(stage: Stage, story: Story) -> None:
    """ana takes the incident, and the vendors are told."""
    story.step("ana takes it, by the command that stands in every page")
    done(stage.ana(*patch("{acknowledgedBy: {ana: {}}}")))
    status = stage.wait_for(lambda: facts.acknowledged(stage.status()), "ana's acknowledgement in the status")
    stage.wait_for(
        lambda: all(alert.state == "acknowledged" for alert in stage.receiver.alerts),
        "PagerDuty's alerts to be acknowledged",
    )
    stage.wait_for(lambda: not facts.unclosed(stage, "acknowledge"), "the acknowledgement at every webhook")
    story.check(
        f"acknowledged by {status['commander']}, and PagerDuty's alert says so; escalation is Stopped"
    )


def refuse(stage: Stage, story: Story) -> None:
    """Nobody acknowledges in another's name."""
    story.step("ana tries to acknowledge as bo")
    answer = stage.ana(*patch("{acknowledgedBy: {bo: {}}}"))
    if answer.returncode == 0 or "you are `ana`" not in answer.stderr:
        raise DevError("MISSING: the API server's refusal of an acknowledgement in another's name.")
    if "bo" in stage.read("incidents", INCIDENT)["spec"]["acknowledgedBy"]:
        raise DevError("MISSING: a spec without bo's acknowledgement.")
    story.check("the API server refused it; no operator was asked")


def keep_silent(stage: Stage, story: Story, due: datetime) -> None:
    """The moment passes at which the next level was due, and nobody is paged."""
    story.step(f"The next level was due at {due:%H:%M:%S} UTC")
    before = len(facts.pages(stage))
    end = time.monotonic() + SILENCE + max(0.0, (due - datetime.now(UTC)).total_seconds())
    stage.wait_for(lambda: time.monotonic() >= end, "the end of the silence")
    if len(facts.pages(stage)) > before or stage.status()["escalation"]["state"] != "Stopped":
        raise DevError("MISSING: silence after the acknowledgement.")
    story.check("that moment has passed, and nobody was paged")


def resolve(stage: Stage, story: Story) -> None:
    """The incident is over, and so is every alert."""
    story.step("The rollback helped: ana resolves it")
    done(stage.ana(*patch("{state: Resolved, stateReason: rolled back, setBy: {state: ana}}")))
    stage.wait_for(lambda: facts.is_true(stage.status(), "Resolved"), "the condition Resolved")
    stage.wait_for(
        lambda: all(alert.state == "resolved" for alert in stage.receiver.alerts),
        "PagerDuty's alerts to be resolved",
    )
    stage.wait_for(lambda: not facts.unclosed(stage, "resolve"), "the resolution at every webhook")
    story.check("Resolved; no alert is open at any vendor")


def look_back(stage: Stage, story: Story) -> None:
    """The incident tells its own story, and it is the one that the vendors saw."""
    story.step("What happened, as the incident itself tells it")
    answer = stage.ana(*NAMED, "get", "incident", INCIDENT, "-o", f"jsonpath={TIMELINE}", is_told=False)
    story.table(done(answer).stdout.splitlines())
    kinds = iter([entry["kind"] for entry in stage.status()["timeline"]])
    absent = [kind for kind in TOLD if kind not in kinds]
    lost = {page.key for page in facts.pages(stage)} - facts.keys(stage.status())
    if absent or lost:
        raise DevError(f"MISSING in the timeline: {absent}; in the incident's status: {lost}")
    story.check("the timeline is whole, and every key that a vendor saw stands in the status")


def patch(spec: str) -> tuple[str, ...]:
    """The arguments of the one command by which people act: a merge patch of the spec."""
    return (*NAMED, "patch", "incident", INCIDENT, "--type=merge", "-p", f"spec: {spec}")


def done(answer: CompletedProcess[str]) -> CompletedProcess[str]:
    """The answer of a command that succeeded; raises DevError for another."""
    if answer.returncode != 0:
        raise DevError(f"kubectl failed: {answer.stderr.strip()}")
    return answer
