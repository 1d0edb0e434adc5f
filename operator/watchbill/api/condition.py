"""The standard Kubernetes condition, and how one list of them follows another."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from watchbill.api.model import Generation, StatusModel, Time

ConditionStatus = Literal["True", "False", "Unknown"]


class Condition(StatusModel):
    """One observed fact in the form of Kubernetes' metav1.Condition."""

    type: Annotated[str, Field(max_length=64, pattern=r"^[A-Z][A-Za-z]*$")] = Field(
        description="type is the name of the fact, unique in the list."
    )
    status: ConditionStatus = Field(description="status says whether the fact holds.")
    reason: Annotated[str, Field(max_length=64, pattern=r"^[A-Z][A-Za-z]*$")] = Field(
        description="reason is one word for why the status is what it is."
    )
    message: Annotated[str, Field(max_length=1024)] = Field(
        default="", description="message says for people what is so and what to do."
    )
    last_transition_time: Time = Field(description="lastTransitionTime is when the status last changed.")
    observed_generation: Generation = Field(
        default=0, description="observedGeneration is the generation that this was judged by."
    )


def find(conditions: Sequence[Condition], type_: str) -> Condition | None:
    """The condition of this type, or None where the list has none."""
    for condition in conditions:
        if condition.type == type_:
            return condition
    return None


def is_true(conditions: Sequence[Condition], type_: str) -> bool:
    """Whether the condition of this type is present and True."""
    found = find(conditions, type_)
    return found is not None and found.status == "True"


def following(old: Sequence[Condition], new: Sequence[Condition], now: datetime) -> tuple[Condition, ...]:
    """The new conditions, each keeping its old transition time unless its status changed at `now`."""
    followed = []
    for condition in new:
        before = find(old, condition.type)
        same = before is not None and before.status == condition.status
        time = before.last_transition_time if before is not None and same else now
        followed.append(condition.model_copy(update={"last_transition_time": time}))
    return tuple(followed)
