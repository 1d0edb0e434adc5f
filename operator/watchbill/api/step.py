"""What a step of a runbook does: one model for each kind, and the unions that hold them.

To add a kind `x`: a model and an optional field in `StepBody` here (in `ActingBody` where it changes
something outside), its name in `KINDS` or `ACTING`, and its module in `core/steps`, as
`core/steps/registry.py` says.
"""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from watchbill.api.connection import SecretKeyRef
from watchbill.api.flag import Flag
from watchbill.api.kubernetes_action import Kubernetes
from watchbill.api.model import Duration, KindName, SpecModel
from watchbill.api.probe import Check, TargetRef, UrlTemplate
from watchbill.api.schema import ATOMIC, SET, duration_between, list_map, rule, rules
from watchbill.api.traffic import Traffic

ParameterValue = Annotated[str, Field(max_length=256)]

PARAMETER_KEYS = rules(
    rule(
        "self.all(k, size(k) > 0 && size(k) <= 253)",
        "every key of `parameters` must be the name of a parameter",
    )
)


class Manual(SpecModel):
    """Something that a person does, and says so in the run's `manualDone`."""

    text: Annotated[str, Field(min_length=1, max_length=1024)] = Field(
        description="text says what to do; parameters may stand in it."
    )


class Wait(SpecModel):
    """Nothing, for a while."""

    duration: Duration = Field(
        description="duration is how long to wait.",
        json_schema_extra=duration_between("1s", "24h", "duration"),
    )


class EnvVar(SpecModel):
    """One variable of a job's environment."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "has(self.value) != has(self.valueSecretRef)",
                "exactly one of `value` and `valueSecretRef` must be set",
            )
        )
    )

    name: Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] = Field(
        description="name is the name of the variable."
    )
    value: ParameterValue | None = Field(
        default=None, description="value is its value; parameters may stand in it."
    )
    value_secret_ref: SecretKeyRef | None = Field(
        default=None, description="valueSecretRef names the Secret with its value, which the kubelet reads."
    )


class Job(SpecModel):
    """A Job of one pod that runs once, as the runbook's account."""

    image: Annotated[str, Field(min_length=1, max_length=512)] = Field(
        description="image is the image to run."
    )
    command: Annotated[tuple[Annotated[str, Field(max_length=512)], ...], Field(max_length=8)] = Field(
        default=(),
        description="command is the program and its arguments; parameters may stand in them.",
        json_schema_extra=ATOMIC,
    )
    env: Annotated[tuple[EnvVar, ...], Field(max_length=4)] = Field(
        default=(),
        description="env are the variables of its environment.",
        json_schema_extra=list_map("name"),
    )


class Header(SpecModel):
    """One header of a request."""

    name: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9-]+$")] = Field(
        description="name is the name of the header."
    )
    value: ParameterValue = Field(description="value is its value; parameters may stand in it.")


class Http(SpecModel):
    """One HTTP request; one whose answer is lost is never sent again."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = Field(
        default="POST", description="method is the method of the request."
    )
    url: UrlTemplate = Field(
        description="url is where the request goes; parameters may stand in its path and query."
    )
    headers: Annotated[tuple[Header, ...], Field(max_length=5)] = Field(
        default=(), description="headers are further headers.", json_schema_extra=list_map("name")
    )
    authorization_secret_ref: SecretKeyRef | None = Field(
        default=None,
        description="authorizationSecretRef names the Secret with the value of the Authorization header; it "
        "is read as the runbook's account.",
    )
    body: Annotated[str, Field(max_length=2048)] | None = Field(
        default=None,
        description="body is the body. Where it is JSON, parameters may stand in its texts.",
    )
    expected_statuses: Annotated[
        tuple[Annotated[str, Field(min_length=3, max_length=3, pattern=r"^[1-5]([0-9]{2}|xx)$")], ...],
        Field(max_length=5),
    ] = Field(
        default=(),
        description="expectedStatuses are the statuses that mean success, such as 202 or 2xx, the default.",
        json_schema_extra=SET,
    )


class LocalConnectionRef(SpecModel):
    """The name of a Connection in the same namespace."""

    name: KindName = Field(description="name is the name of a Connection in the same namespace.")


class Notify(SpecModel):
    """A message to people; what becomes of it never holds the run up."""

    connection_ref: LocalConnectionRef | None = Field(
        default=None,
        description="connectionRef names the Connection that it goes through; by default it is said in the "
        "incident's channel.",
    )
    text: Annotated[str, Field(min_length=1, max_length=1024)] = Field(
        description="text is what is said; parameters may stand in it."
    )


class RunbookRef(SpecModel):
    """The name of a Runbook in the same namespace."""

    name: KindName = Field(description="name is the name of a Runbook in the same namespace.")


class NestedRunbook(SpecModel):
    """Another runbook, run as the account of this one, which needs `run` on it."""

    runbook_ref: RunbookRef = Field(description="runbookRef names the runbook.")
    parameters: Annotated[dict[str, ParameterValue], Field(max_length=8)] = Field(
        default={},
        description="parameters are its parameters; this runbook's may stand in them.",
        json_schema_extra=PARAMETER_KEYS,
    )


class Rollback(SpecModel):
    """A workload as it was in an earlier revision."""

    target_ref: TargetRef = Field(description="targetRef names the Deployment, StatefulSet or DaemonSet.")
    to_revision: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = Field(
        default=None, description="toRevision is the revision to return to; absent means the one before."
    )


ACTING = ("kubernetes", "job", "http", "notify", "runbook", "rollback", "traffic", "flag")
"""The kinds that change something outside."""

LOW_RISK = ("notify", "runbook")
"""Those of them that are of Low risk where a step does not say; the others are of High."""

KINDS = ("manual", "check", "wait", *ACTING)
"""The union's fields; exactly one is set."""


def _exactly_one(kinds: tuple[str, ...]) -> str:
    return " + ".join(f"(has(self.{kind}) ? 1 : 0)" for kind in kinds) + " == 1"


def one_kind(kinds: tuple[str, ...]) -> tuple[str, str]:
    """The CEL rule that exactly one of these kinds is set, and its message."""
    return _exactly_one(kinds), "exactly one kind must be set: " + ", ".join(f"`{kind}`" for kind in kinds)


class ActingBody(SpecModel):
    """What changes something outside; exactly one kind is set."""

    kubernetes: Kubernetes | None = Field(
        default=None, description="kubernetes changes one Kubernetes object."
    )
    job: Job | None = Field(default=None, description="job runs a container once.")
    http: Http | None = Field(default=None, description="http sends one HTTP request.")
    notify: Notify | None = Field(default=None, description="notify tells people something.")
    runbook: NestedRunbook | None = Field(default=None, description="runbook runs another runbook.")
    rollback: Rollback | None = Field(
        default=None, description="rollback returns a workload to an earlier revision."
    )
    traffic: Traffic | None = Field(
        default=None, description="traffic shares the traffic of an HTTPRoute otherwise."
    )
    flag: Flag | None = Field(default=None, description="flag sets a feature flag.")

    @property
    def kind(self) -> str:
        """The name of the kind that is set, or the empty string where none is."""
        found = (kind for kind in KINDS if getattr(self, kind, None) is not None)
        return next(found, "")


class StepBody(ActingBody):
    """What a step does; exactly one kind is set."""

    manual: Manual | None = Field(default=None, description="manual waits until a person has done something.")
    check: Check | None = Field(default=None, description="check demands that something is true.")
    wait: Wait | None = Field(default=None, description="wait does nothing for a while.")


class Undo(ActingBody):
    """How to take back what a step did."""

    model_config = ConfigDict(json_schema_extra=rules(rule(*one_kind(ACTING))))
