"""Connection: one vendor account, its credentials by reference."""

from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from watchbill.api.escalation_policy import GitOwnedStatus
from watchbill.api.model import (
    DnsLabel,
    KindName,
    MailAddress,
    MailHost,
    ObjectMeta,
    ObjectName,
    Origin,
    SpecModel,
    Url,
)
from watchbill.api.schema import SET, rule, rules


class SecretKeyRef(SpecModel):
    """One key of a Secret in the same namespace."""

    name: ObjectName = Field(description="name is the name of a Secret in the same namespace.")
    key: Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$")] = Field(
        description="key is the key of the Secret that holds the value."
    )


class PagerDuty(SpecModel):
    """A service of PagerDuty with an Events API v2 integration."""

    routing_key_secret_ref: SecretKeyRef = Field(
        description="routingKeySecretRef names the Secret with the integration key."
    )
    base_url: Origin = Field(
        default="https://events.pagerduty.com",
        alias="baseURL",
        description="baseURL is the origin of the Events API; the EU's is https://events.eu.pagerduty.com.",
    )


class Webhook(SpecModel):
    """Any HTTP endpoint that takes CloudEvents 1.0."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "has(self.url) != has(self.urlSecretRef)",
                "exactly one of `url` and `urlSecretRef` must be set",
            )
        )
    )

    url: Url | None = Field(default=None, description="url is where pages are posted.")
    url_secret_ref: SecretKeyRef | None = Field(
        default=None,
        description="urlSecretRef names the Secret with the URL where it is a credential.",
    )
    signing_key_secret_ref: SecretKeyRef | None = Field(
        default=None,
        description="signingKeySecretRef names the Secret with the key that signs requests as "
        "Standard Webhooks has it.",
    )


class Smtp(SpecModel):
    """A mail server, and who gets the mails."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "has(self.usernameSecretRef) == has(self.passwordSecretRef)",
                "`usernameSecretRef` and `passwordSecretRef` must be set together",
            ),
            rule(
                "!has(self.passwordSecretRef) || self.tls != 'None'",
                "a password must not travel in the clear: `tls` must be StartTLS or Implicit",
            ),
        )
    )

    host: MailHost = Field(description="host is the name or the address of the mail server.")
    port: Annotated[int, Field(ge=1, le=65535)] | None = Field(
        default=None,
        description="port is the server's; by default 587 for StartTLS, 465 for Implicit, 25 for None.",
    )
    tls: Literal["StartTLS", "Implicit", "None"] = Field(
        default="StartTLS",
        description="tls is StartTLS to demand STARTTLS, Implicit for TLS from the first byte, or None.",
    )
    from_: MailAddress = Field(alias="from", description="from is the address that mails come from.")
    to: Annotated[tuple[MailAddress, ...], Field(min_length=1, max_length=20)] = Field(
        description="to are the addresses that each mail goes to.", json_schema_extra=SET
    )
    username_secret_ref: SecretKeyRef | None = Field(
        default=None, description="usernameSecretRef names the Secret with the user name to log in with."
    )
    password_secret_ref: SecretKeyRef | None = Field(
        default=None, description="passwordSecretRef names the Secret with the password to log in with."
    )


class Console(SpecModel):
    """A page is a log line and an Event: for a first try without an account. Nobody is woken."""


class Slack(SpecModel):
    """A Slack workspace, for channels."""

    bot_token_secret_ref: SecretKeyRef = Field(
        description="botTokenSecretRef names the Secret with the bot token."
    )
    base_url: Origin = Field(
        default="https://slack.com",
        alias="baseURL",
        description="baseURL is the origin of the Web API.",
    )


class AllowedNamespaces(SpecModel):
    """Which namespaces may refer to this object."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "self.from == 'Names' ? has(self.names) && size(self.names) > 0 : !has(self.names)",
                "`names` must be set when `from` is Names, and only then",
            )
        )
    )

    from_: Literal["Same", "All", "Names"] = Field(
        default="Same",
        alias="from",
        description="from is Same for this namespace alone, All, or Names for those in `names`.",
    )
    names: Annotated[tuple[DnsLabel, ...], Field(max_length=100)] | None = Field(
        default=None,
        description="names are the namespaces that may refer to this object.",
        json_schema_extra=SET,
    )


VENDORS = ("pagerDuty", "webhook", "smtp", "console", "slack")
"""The union's fields; exactly one is set."""


class ConnectionSpec(SpecModel):
    """One vendor account."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                " + ".join(f"(has(self.{vendor}) ? 1 : 0)" for vendor in VENDORS) + " == 1",
                "exactly one vendor must be set: " + ", ".join(f"`{v}`" for v in VENDORS),
            )
        )
    )

    pager_duty: PagerDuty | None = Field(
        default=None, description="pagerDuty pages through PagerDuty's Events API v2."
    )
    webhook: Webhook | None = Field(
        default=None, description="webhook pages by posting CloudEvents to a URL."
    )
    smtp: Smtp | None = Field(default=None, description="smtp pages by mail, through any mail server.")
    console: Console | None = Field(
        default=None, description="console writes pages to the log and as Events; it wakes nobody."
    )
    slack: Slack | None = Field(default=None, description="slack makes channels in a Slack workspace.")
    allowed_namespaces: AllowedNamespaces | None = Field(
        default=None,
        description="allowedNamespaces says which namespaces' policies may page through this.",
    )
    allowed_classes: Annotated[tuple[KindName, ...], Field(max_length=50)] = Field(
        default=(),
        description="allowedClasses names the IncidentClasses that may use this in their response.",
        json_schema_extra=SET,
    )

    @property
    def vendor(self) -> str:
        """The name of the vendor that is set, or the empty string where none is."""
        found = (name for name in VENDORS if getattr(self, VENDOR_FIELDS[name]) is not None)
        return next(found, "")

    @property
    def secret_refs(self) -> dict[str, SecretKeyRef]:
        """The Secret keys that the vendor's settings name, by their path under `spec`."""
        if not self.vendor:
            return {}
        settings = getattr(self, VENDOR_FIELDS[self.vendor])
        return {
            f"{self.vendor}.{field.alias}": value
            for name, field in type(settings).model_fields.items()
            if isinstance(value := getattr(settings, name), SecretKeyRef)
        }

    @property
    def urls(self) -> dict[str, str]:
        """The URLs that stand in the vendor's settings, by their path under `spec`."""
        settings = getattr(self, VENDOR_FIELDS[self.vendor]) if self.vendor else None
        found = {alias: getattr(settings, name, None) for name, alias in URL_FIELDS.items()}
        return {f"{self.vendor}.{alias}": url for alias, url in found.items() if url is not None}


URL_FIELDS = {"url": "url", "base_url": "baseURL"}
"""The fields of vendors' settings that hold a URL in the clear, with their API names."""

VENDOR_FIELDS = {
    field.alias: name for name, field in ConnectionSpec.model_fields.items() if field.alias in VENDORS
}
"""The attribute of `ConnectionSpec` for each vendor's API name."""


class Connection(SpecModel):
    """One vendor account: a pager, a chat, a webhook, a mail server."""

    kind_name: ClassVar[str] = "Connection"

    metadata: ObjectMeta = ObjectMeta()
    spec: ConnectionSpec
    status: GitOwnedStatus = GitOwnedStatus()
