"""Everything that a run can do, as data. All of it follows the write of what was decided with it."""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from watchbill.api.runbook import Step
from watchbill.core.steps.contract import RunFacts


@dataclass(frozen=True, slots=True)
class PlanSteps:
    """Ask what each step would do; nothing is changed."""

    run: RunFacts
    steps: tuple[Step, ...]
    step: str = ""
    action: Literal["plan"] = "plan"


@dataclass(frozen=True, slots=True)
class ActOn:
    """Do a step, if its plan is still the one of this hash. Done at most once for each claim."""

    run: RunFacts
    body: Step
    planned: str
    attempt: int
    action: Literal["act"] = "act"

    @property
    def step(self) -> str:
        """The name of the step."""
        return self.body.name


@dataclass(frozen=True, slots=True)
class LookAt:
    """Look at a step that is under way, or being taken back; nothing is changed."""

    run: RunFacts
    body: Step
    handle: str
    undoing: bool = False
    action: Literal["look"] = "look"

    @property
    def step(self) -> str:
        """The name of the step."""
        return self.body.name


@dataclass(frozen=True, slots=True)
class VerifyStep:
    """Look for the evidence that a step worked; nothing is changed."""

    run: RunFacts
    body: Step
    action: Literal["verify"] = "verify"

    @property
    def step(self) -> str:
        """The name of the step."""
        return self.body.name


@dataclass(frozen=True, slots=True)
class UndoStep:
    """Take back what a step did. Done at most once for each claim."""

    run: RunFacts
    body: Step
    undo: str
    """What was kept for it; empty where the runbook says how."""
    attempt: int
    action: Literal["undo"] = "undo"

    @property
    def step(self) -> str:
        """The name of the step."""
        return self.body.name


@dataclass(frozen=True, slots=True)
class AskPerson:
    """Page somebody to look at a run; the key makes it one page."""

    run: RunFacts
    step: str
    reason: str
    message: str = field(default="")
    action: Literal["ask"] = "ask"


RunEffect: TypeAlias = PlanSteps | ActOn | LookAt | VerifyStep | UndoStep | AskPerson

ACTS = (ActOn, UndoStep)
"""The effects that change something outside: claimed before, never repeated where the outcome is unknown."""


def run_key(effect: RunEffect) -> str:
    """The key of the effect; with its action it is unique among what is under way. It begins with the UID."""
    return f"{effect.run.uid}/{effect.step}"
