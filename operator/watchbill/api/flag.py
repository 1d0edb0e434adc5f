"""A feature flag at its vendor, as a step of a runbook names it."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from watchbill.api.connection import SecretKeyRef
from watchbill.api.model import SpecModel
from watchbill.api.probe import Text63
from watchbill.api.schema import rule, rules

KeyTemplate = Annotated[str, Field(min_length=1, max_length=128)]
"""A vendor's name of something; parameters may stand in it, and it is one part of a path."""

BaseUrl = Annotated[str, Field(min_length=8, max_length=512, pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$")]
"""An http or https URL without a query."""


class FlagOfService(SpecModel):
    """One flag of a service in one environment, which is on or off there."""

    project: KeyTemplate = Field(
        description="project is the id or key of the project, such as default; parameters may stand in it."
    )
    environment: KeyTemplate = Field(
        description="environment is the name or key of the environment; parameters may stand in it."
    )
    feature: KeyTemplate = Field(
        description="feature is the name or key of the flag; parameters may stand in it."
    )
    enabled: bool = Field(description="enabled says whether the flag, or its targeting, is to be on.")
    authorization_secret_ref: SecretKeyRef = Field(
        description="authorizationSecretRef names the Secret with the API or access token; it is read as the "
        "runbook's account."
    )


class Unleash(FlagOfService):
    """One flag of Unleash in one environment."""

    base_url: BaseUrl = Field(alias="baseURL", description="baseURL is where Unleash is, without /api/admin.")


class LaunchDarkly(FlagOfService):
    """One flag of LaunchDarkly in one environment."""

    base_url: BaseUrl = Field(
        default="https://app.launchdarkly.com",
        alias="baseURL",
        description="baseURL is where LaunchDarkly is, without /api/v2.",
    )


class ConfigMapKeyRef(SpecModel):
    """One key of a ConfigMap."""

    name: Annotated[str, Field(min_length=1, max_length=253)] = Field(
        description="name is the name of the ConfigMap."
    )
    namespace: Text63 | None = Field(
        default=None,
        description="namespace is the ConfigMap's, by default the runbook's own; another must be listed in "
        "spec.scope.namespaces.",
    )
    key: Annotated[str, Field(min_length=1, max_length=253)] = Field(
        description="key is the key under which the flags are, in flagd's JSON."
    )


class Flagd(SpecModel):
    """One flag of a file that flagd reads, which a ConfigMap holds."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "has(self.defaultVariant) || has(self.state)",
                "at least one of `defaultVariant` and `state` must be set",
            )
        )
    )

    config_map_key_ref: ConfigMapKeyRef = Field(
        description="configMapKeyRef names the ConfigMap and the key with the flags."
    )
    feature: KeyTemplate = Field(description="feature is the key of the flag; parameters may stand in it.")
    default_variant: KeyTemplate | None = Field(
        default=None,
        description="defaultVariant is the variant that is served where no targeting says another.",
    )
    state: Literal["ENABLED", "DISABLED"] | None = Field(
        default=None,
        description="state is ENABLED or DISABLED. Of a disabled flag clients take the default in their own "
        "code, which may be on: to turn a flag off, set its defaultVariant.",
    )


VENDORS = ("unleash", "launchDarkly", "flagd")


class Flag(SpecModel):
    """Another value of one feature flag; exactly one vendor is set."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                " + ".join(f"(has(self.{vendor}) ? 1 : 0)" for vendor in VENDORS) + " == 1",
                "exactly one vendor must be set: " + ", ".join(f"`{vendor}`" for vendor in VENDORS),
            )
        )
    )

    unleash: Unleash | None = Field(default=None, description="unleash is a flag of Unleash.")
    launch_darkly: LaunchDarkly | None = Field(
        default=None, description="launchDarkly is a flag of LaunchDarkly."
    )
    flagd: Flagd | None = Field(default=None, description="flagd is a flag of flagd.")
