"""What can be looked at, and what must be true of it: the `check` of a step, and the `verify` of any."""

from typing import Annotated

from pydantic import ConfigDict, Field

from watchbill.api.connection import SecretKeyRef
from watchbill.api.model import Duration, SpecModel
from watchbill.api.schema import duration_between, rule, rules

Text63 = Annotated[str, Field(min_length=1, max_length=63)]
Template253 = Annotated[str, Field(min_length=1, max_length=253)]
Condition = Annotated[str, Field(min_length=1, max_length=512)]
"""A condition in CEL; it sees `parameters`, and what it is about."""

UrlTemplate = Annotated[str, Field(min_length=8, max_length=512, pattern=r"^https?://[^\s/?#@]+(/[^#]*)?$")]
"""An http or https URL in whose path and query parameters may stand; its host is written out."""


class TargetRef(SpecModel):
    """One Kubernetes object, named as an autoscaler's scaleTargetRef names one."""

    api_version: Annotated[str, Field(min_length=1, max_length=128)] = Field(
        description="apiVersion is the API version of the object, such as apps/v1."
    )
    kind: Text63 = Field(description="kind is the kind of the object.")
    name: Template253 = Field(description="name is the name of the object; parameters may stand in it.")
    namespace: Text63 | None = Field(
        default=None,
        description="namespace is the object's, by default the runbook's own; another must be listed in "
        "spec.scope.namespaces.",
    )


class PromQl(SpecModel):
    """A question to Prometheus or what speaks its API."""

    url: UrlTemplate = Field(description="url is where the API is, without /api/v1/query.")
    query: Annotated[str, Field(min_length=1, max_length=512)] = Field(
        description="query is the query; parameters may stand within its quoted texts."
    )
    authorization_secret_ref: SecretKeyRef | None = Field(
        default=None,
        description="authorizationSecretRef names the Secret with the value of the Authorization header; it "
        "is read as the runbook's account.",
    )


class HttpGet(SpecModel):
    """A page that is asked for."""

    url: UrlTemplate = Field(
        description="url is asked for by GET; parameters may stand in its path and query."
    )
    authorization_secret_ref: SecretKeyRef | None = Field(
        default=None,
        description="authorizationSecretRef names the Secret with the value of the Authorization header; it "
        "is read as the runbook's account.",
    )


SOURCES = ("targetRef", "promQL", "http")


class Probe(SpecModel):
    """What is looked at, and what must be true of it."""

    target_ref: TargetRef | None = Field(
        default=None, description="targetRef names a Kubernetes object, which the condition sees as `object`."
    )
    prom_ql: PromQl | None = Field(
        default=None,
        alias="promQL",
        description="promQL asks Prometheus; the condition sees `result`, a list of metric and value.",
    )
    http: HttpGet | None = Field(
        default=None, description="http asks for a page; the condition sees `response` with status and body."
    )
    condition: Condition | None = Field(
        default=None,
        description="condition is CEL that must be true. It must be set for an object; a query must else "
        "find something, and a page be answered with 2xx.",
    )


_HAS_SOURCE = " + ".join(f"(has(self.{source}) ? 1 : 0)" for source in SOURCES)


class Check(Probe):
    """What must be true before the run goes on."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(f"{_HAS_SOURCE} == 1", "exactly one of `targetRef`, `promQL` and `http` must be set"),
            rule(
                "!has(self.targetRef) || has(self.condition)",
                "`condition` must be set: it says what must be true of the object",
            ),
        )
    )

    within: Duration | None = Field(
        default=None,
        description="within is how long it is asked again until it is true; absent means once.",
        json_schema_extra=duration_between("1s", "24h", "within"),
    )


class Verify(Probe):
    """The evidence that a step worked; without it in time, the step is undone."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(f"{_HAS_SOURCE} <= 1", "at most one of `targetRef`, `promQL` and `http` must be set"),
            rule(
                "has(self.promQL) || has(self.http) || has(self.condition)",
                "`condition` must be set: it says what must be true of the object",
            ),
        )
    )

    within: Duration = Field(
        description="within is how long the evidence may take.",
        json_schema_extra=duration_between("1s", "24h", "within"),
    )
