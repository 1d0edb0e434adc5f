"""Every scenario by its name, with what must be known of it to judge a run."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from tests.faults import run_stories, stories
from tests.faults.run_stage import RunStage
from tests.faults.stage import Stage

CLOCKS = ("hour-ahead", "hour-behind")
"""A process that starts has no other clock than the machine's (DESIGN §4, rule 16)."""

CREDENTIALS = ("secret-rotated", "secret-gone", "secret-empty", "403", "404")


@dataclass(frozen=True, slots=True)
class Scenario:
    """A story, and how many replicas are there for it."""

    play: Callable[[Stage], Awaitable[None]]
    replicas: int = 1
    stage: Callable[[], Stage] = Stage
    """What it is played on in virtual time; one of its own cannot be played with real processes."""
    taken_is_silent: bool = True
    """Whether nobody may be paged any more once somebody has taken the incident."""
    unfit: tuple[str, ...] = ()
    """The faults under which it cannot be played: what it declares later would be refused."""
    absent: float = 0.0
    """For how many seconds nobody leads, by the scenario itself."""
    forgets: bool = False
    """Whether an incident is deleted: where no process is there to see it, its alert stays open."""


SCENARIOS: Mapping[str, Scenario] = {
    "one-page": Scenario(stories.one_page),
    "two-levels": Scenario(stories.two_levels),
    "unkeyed": Scenario(stories.unkeyed),
    "acknowledge-in-flight": Scenario(stories.acknowledge_in_flight),
    "resolve-in-flight": Scenario(stories.resolve_in_flight),
    "fallback": Scenario(stories.fallback),
    "severity-raise": Scenario(stories.severity_raise),
    "policy-edited": Scenario(stories.policy_edited),
    "delete-and-recreate": Scenario(
        stories.deleted_and_declared_again, unfit=("namespace-ending",), forgets=True
    ),
    "last-resort": Scenario(stories.last_resort),
    "two-incidents": Scenario(stories.two_incidents),
    "hand-over": Scenario(stories.hand_over, replicas=2, unfit=CLOCKS, absent=12),
    "overdue": Scenario(stories.overdue_at_the_start, unfit=CLOCKS, absent=90),
    "channel": Scenario(stories.channel),
    "reopened": Scenario(stories.reopened),
    "furnished-late": Scenario(stories.furnished_late, unfit=("namespace-ending",)),
    "taken-just-in-time": Scenario(stories.taken_just_in_time),
    "rounds": Scenario(stories.rounds),
    "unreachable": Scenario(stories.unreachable),
    "taken-unpaged": Scenario(stories.taken_unpaged),
    "credential-rotated": Scenario(
        stories.credential_rotated, unfit=(*CREDENTIALS, "namespace-ending", "resolved-meanwhile")
    ),
    "run-patch": Scenario(run_stories.patched, stage=RunStage),
    "run-call": Scenario(run_stories.called, stage=RunStage),
    "run-approved": Scenario(run_stories.approved, stage=RunStage),
    "run-taken-back": Scenario(run_stories.taken_back, stage=RunStage),
}


WITH_A_STANDBY = ("two-levels", "unkeyed", "taken-just-in-time", "channel", "last-resort", "run-call")
"""The scenarios that are played with two replicas as well."""
