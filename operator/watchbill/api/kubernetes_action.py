"""One change of one Kubernetes object, as a step of a runbook names it."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from watchbill.api.model import SpecModel
from watchbill.api.probe import TargetRef, Text63
from watchbill.api.schema import rule, rules


class Patch(SpecModel):
    """A change of some fields."""

    type: Literal["Strategic", "Merge", "JSON"] = Field(
        default="Strategic", description="type is how the patch is read: Strategic, Merge or JSON."
    )
    patch: Annotated[str, Field(min_length=1, max_length=2048)] = Field(
        description="patch is the patch in YAML or JSON; parameters may stand in its texts."
    )


class Apply(SpecModel):
    """An object as it should be, by server-side apply."""

    manifest: Annotated[str, Field(min_length=1, max_length=4096)] = Field(
        description="manifest is one object in YAML or JSON; parameters may stand in its texts."
    )


class Delete(SpecModel):
    """The end of an object."""

    propagation: Literal["Background", "Foreground", "Orphan"] = Field(
        default="Background", description="propagation says what becomes of what the object owns."
    )


class Scale(SpecModel):
    """Another number of replicas."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "has(self.replicas) != has(self.replicasParameter)",
                "exactly one of `replicas` and `replicasParameter` must be set",
            )
        )
    )

    replicas: Annotated[int, Field(ge=0, le=100_000)] | None = Field(
        default=None, description="replicas is the number of replicas."
    )
    replicas_parameter: Text63 | None = Field(
        default=None, description="replicasParameter names the Integer parameter that is the number."
    )


class Restart(SpecModel):
    """New pods, one after the other, as `kubectl rollout restart` makes them."""


class Cordon(SpecModel):
    """A node takes no new pods."""


class Uncordon(SpecModel):
    """A node takes new pods again."""


KUBERNETES_ACTIONS = ("patch", "apply", "delete", "scale", "restart", "cordon", "uncordon")


class Kubernetes(SpecModel):
    """One change of one Kubernetes object."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                " + ".join(f"(has(self.{action}) ? 1 : 0)" for action in KUBERNETES_ACTIONS) + " == 1",
                "exactly one action must be set: " + ", ".join(f"`{a}`" for a in KUBERNETES_ACTIONS),
            ),
            rule(
                "has(self.apply) != has(self.targetRef)",
                "`targetRef` must be set but for `apply`, whose manifest names the object",
            ),
        )
    )

    target_ref: TargetRef | None = Field(default=None, description="targetRef names the object.")
    patch: Patch | None = Field(default=None, description="patch changes some of its fields.")
    apply: Apply | None = Field(default=None, description="apply makes an object as it should be.")
    delete: Delete | None = Field(default=None, description="delete removes the object.")
    scale: Scale | None = Field(default=None, description="scale sets its number of replicas.")
    restart: Restart | None = Field(default=None, description="restart makes its pods anew.")
    cordon: Cordon | None = Field(default=None, description="cordon keeps new pods off a node.")
    uncordon: Uncordon | None = Field(default=None, description="uncordon lets new pods onto a node again.")
