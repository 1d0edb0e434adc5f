"""EscalationPolicy: who is paged, in which order, and where it ends when nobody answers."""

from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from watchbill.api.condition import Condition
from watchbill.api.model import (
    DnsLabel,
    Duration,
    Generation,
    KindName,
    ObjectMeta,
    SpecModel,
    StatusModel,
)
from watchbill.api.schema import ATOMIC, SET, duration_between, list_map, rule, rules

MAX_PREVIEW = 110
"""A rule allows 100 targets of levels times rounds, and the last resort has 10 more."""

Place = Annotated[str, Field(max_length=127)]
"""The namespace and the name of an object, as `namespace/name`."""

UNIQUE_TARGETS = rules(
    rule(
        "self.all(t, self.exists_one(o, o.connectionRef == t.connectionRef))",
        "every target must name another connection: duplicates page nobody twice",
    )
)


class ConnectionRef(SpecModel):
    """The name of a Connection, by default in the namespace of who refers to it."""

    name: KindName = Field(description="name is the name of a Connection.")
    namespace: DnsLabel | None = Field(
        default=None,
        description="namespace is the Connection's; absent means the referrer's own. Another one "
        "must grant it in its `allowedNamespaces` or `allowedClasses`.",
    )


class Fallback(SpecModel):
    """A connection that is tried when the one before could not deliver."""

    connection_ref: ConnectionRef = Field(
        description="connectionRef names the Connection that is tried next."
    )


class Target(SpecModel):
    """One that is paged: through its connection, else through the fallbacks in order."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                # To CEL, objects of two places in a schema are of two types: dyn lets them be compared.
                "!has(self.fallback) || "
                "self.fallback.all(f, dyn(f.connectionRef) != dyn(self.connectionRef))",
                "every fallback must name another connection than its target: name another or leave it out",
                ".fallback",
            )
        )
    )

    connection_ref: ConnectionRef = Field(
        description="connectionRef names the Connection that the page goes through."
    )
    fallback: Annotated[tuple[Fallback, ...], Field(max_length=2)] = Field(
        default=(),
        description="fallback lists connections that are tried in order, each within 20 s.",
        json_schema_extra=ATOMIC,
    )


class Level(SpecModel):
    """One rung of the ladder."""

    name: DnsLabel = Field(description="name is the name of the level, unique in the policy.")
    escalate_after: Duration = Field(
        description="escalateAfter is the time from this level's opening until the next opens.",
        json_schema_extra=duration_between("1s", "24h", "escalateAfter"),
    )
    targets: Annotated[tuple[Target, ...], Field(min_length=1, max_length=10)] = Field(
        description="targets are all paged when the level opens.",
        json_schema_extra=ATOMIC | UNIQUE_TARGETS,
    )


class Repeat(SpecModel):
    """How often the levels are walked again."""

    model_config = ConfigDict(frozen=True)

    times: Annotated[int, Field(ge=0, le=9)] = Field(
        default=0,
        description="times is how often the levels are walked again after the first walk.",
    )


class LastResort(SpecModel):
    """Where an exhausted or empty policy ends: paged every 15 minutes until somebody acknowledges."""

    targets: Annotated[tuple[Target, ...], Field(min_length=1, max_length=10)] = Field(
        description="targets are paged when all levels have been walked in vain.",
        json_schema_extra=ATOMIC | UNIQUE_TARGETS,
    )


class EscalationPolicySpec(SpecModel):
    """Who is paged, in which order."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "self.levels.map(l, size(l.targets)).sum() * (1 + (has(self.repeat) ? "
                "self.repeat.times : 0)) <= 100",
                "targets of all levels times rounds must be at most 100: use fewer targets or a "
                "smaller `repeat.times`",
                ".levels",
            )
        )
    )

    suspend: bool | None = Field(
        default=None,
        description="suspend has the policy passed over, while it is true, by incidents that look for one: "
        "their class's defaultEscalation is taken, else the operator's last resort; where there is neither, "
        "the policy itself. What runs by it already goes on.",
    )
    levels: Annotated[tuple[Level, ...], Field(min_length=1, max_length=10)] = Field(
        description="levels are opened in order, each after the one before it.",
        json_schema_extra=list_map("name"),
    )
    repeat: Repeat = Field(default=Repeat(), description="repeat says how often the levels are walked again.")
    last_resort: LastResort = Field(
        description="lastResort is required: an exhausted or empty policy ends here, never in silence."
    )
    allowed_classes: Annotated[tuple[KindName, ...], Field(max_length=50)] = Field(
        default=(),
        description="allowedClasses names the IncidentClasses that may use this policy as their "
        "defaultEscalation.",
        json_schema_extra=SET,
    )


class GitOwnedStatus(StatusModel):
    """What the operator found: whether the spec is valid, and all that it names exists."""

    conditions: Annotated[tuple[Condition, ...], Field(max_length=16)] = Field(
        default=(),
        description="conditions holds Ready: valid, and all that it names exists.",
        json_schema_extra=list_map("type"),
    )
    observed_generation: Generation = Field(
        default=0, description="observedGeneration is the generation that this status is about."
    )


class PreviewedHop(StatusModel):
    """One connection that a page would go through."""

    connection: Place = Field(description="connection is the Connection, as namespace/name.")
    vendor: Annotated[str, Field(max_length=32)] = Field(
        description="vendor is the Connection's vendor, as its spec names it."
    )


class PreviewedPage(StatusModel):
    """One page of an incident that nobody acknowledges: when, who, and how."""

    after: Duration = Field(
        description="after is the time from the declaration until the page, while every connection answers."
    )
    round: Annotated[int, Field(ge=1, le=10)] = Field(description="round counts the walks, from 1.")
    level: Annotated[str, Field(max_length=63)] = Field(
        description="level is the level's name; lastResort is the policy's last resort."
    )
    who: Place = Field(description="who is the target: its Connection, as namespace/name.")
    how: Annotated[tuple[PreviewedHop, ...], Field(max_length=3)] = Field(
        description="how lists the connections that can be used, in the order in which they are tried.",
        json_schema_extra=ATOMIC,
    )


class EscalationPolicyStatus(GitOwnedStatus):
    """What the operator found, and who would be paged."""

    preview: Annotated[tuple[PreviewedPage, ...], Field(max_length=MAX_PREVIEW)] = Field(
        default=(),
        description="preview lists every page of an incident that nobody acknowledges, in order, until the "
        "last resort is paged for the first time. What cannot be used is left out; Ready says why.",
        json_schema_extra=ATOMIC,
    )


class EscalationPolicy(SpecModel):
    """Levels, targets, delays, rounds and the last resort."""

    kind_name: ClassVar[str] = "EscalationPolicy"

    metadata: ObjectMeta = ObjectMeta()
    spec: EscalationPolicySpec
    status: EscalationPolicyStatus = EscalationPolicyStatus()
