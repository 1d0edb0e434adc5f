"""The plan of an incident: the class and the policy that are frozen into it, and which policy that is."""

from datetime import timedelta
from typing import Any

from watchbill.api.durations import parse_duration
from watchbill.api.escalation_policy import EscalationPolicy, Level, Target
from watchbill.api.incident_class import IncidentClass, Severity
from watchbill.api.incident_status import FrozenClass, FrozenPolicy, FrozenSeverity
from watchbill.api.reasons import Reason
from watchbill.core.digest import digest
from watchbill.core.memo import once_for_each
from watchbill.core.observation import Observation

LAST_RESORT = "lastResort"
"""The level of a policy's last resort; its capital letter keeps it apart from people's levels."""

OPERATOR_LEVEL = "operatorLastResort"
"""The level of the operator's own connection of last resort."""


@once_for_each
def frozen_class(found: IncidentClass) -> FrozenClass:
    """The class as it is kept in an incident; descriptions are left out."""
    rows = tuple(
        FrozenSeverity.model_validate(dict(row) | {"description": ""}) for row in found.spec.severities
    )
    content = [_content(row) for row in rows]
    return FrozenClass(
        name=found.metadata.name, uid=found.metadata.uid, hash=digest(content), severities=rows
    )


@once_for_each
def frozen_policy(found: EscalationPolicy) -> FrozenPolicy:
    """The policy as it is kept in an incident."""
    spec = found.spec
    return FrozenPolicy(
        name=found.metadata.name,
        namespace=found.metadata.namespace or "",
        uid=found.metadata.uid,
        # Whether it is suspended is nothing that is frozen: resumed, it is the policy that it was.
        hash=digest(_content(spec.model_copy(update={"suspend": None}))),
        levels=spec.levels,
        repeat=spec.repeat,
        last_resort=spec.last_resort,
    )


def policy_for(observation: Observation, severity: Severity) -> tuple[FrozenPolicy | None, Reason]:
    """The policy for a severity as it is now, and why that one.

    One that is suspended counts as if it were not there, but for `default_policy`'s exception.
    """
    name = severity.escalation.policy_name if severity.escalation else ""
    named = observation.policies.get(name) if name else None
    there = [each for each in (named, observation.default_policy) if each is not None]
    taken = [each for each in there if not each.spec.suspend] or ([] if _has_own(observation) else there)
    chosen = frozen_policy(taken[0]) if taken else None
    if named is not None and not named.spec.suspend:
        return chosen, Reason.PLANNED
    if any(each.spec.suspend for each in there):
        return chosen, Reason.POLICY_SUSPENDED
    return chosen, Reason.DEFAULT_ESCALATION if chosen is not None else Reason.POLICY_NOT_FOUND


def default_policy(observation: Observation) -> EscalationPolicy | None:
    """The class's default policy; nobody is silent, so a suspended one where there is nothing after it."""
    default = observation.default_policy
    return None if default is not None and default.spec.suspend and _has_own(observation) else default


def _has_own(observation: Observation) -> bool:
    """Whether the operator has a connection of last resort that is there."""
    key = observation.last_resort
    return key is not None and key in observation.connections


def level_index(policy: FrozenPolicy, name: str) -> int | None:
    """The position of a level, or None where the policy has none of this name."""
    return next((i for i, level in enumerate(policy.levels) if level.name == name), None)


def rounds(policy: FrozenPolicy) -> int:
    """How often the levels are walked in all."""
    return policy.repeat.times + 1


def step_after(policy: FrozenPolicy, round_: int, name: str) -> tuple[int, Level] | None:
    """The round and level that follow, or None where the policy is exhausted."""
    at = level_index(policy, name)
    following = 0 if at is None else at + 1
    if following < len(policy.levels):
        return max(round_, 1), policy.levels[following]
    return (round_ + 1, policy.levels[0]) if round_ < rounds(policy) else None


def targets_of(policy: FrozenPolicy, level: str) -> tuple[Target, ...]:
    """Who is paged at a level of the policy; lastResort is one."""
    if level == LAST_RESORT:
        return policy.last_resort.targets
    at = level_index(policy, level)
    return () if at is None else policy.levels[at].targets


def escalate_after(level: Level) -> timedelta:
    """The time from the level's opening until the next opens."""
    return parse_duration(level.escalate_after)


def _content(model: Any) -> dict[str, Any]:
    content: dict[str, Any] = model.model_dump(mode="json", by_alias=True, exclude_none=True)
    return content
