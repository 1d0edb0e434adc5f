"""Flags that a service keeps: how they are read and turned on and off, as the vendors' API documents say.

Neither vendor lets a change be bound to what was read before; between the two somebody else can change it.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from watchbill.api.connection import SecretKeyRef
from watchbill.api.flag import LaunchDarkly, Unleash
from watchbill.core.steps.contract import Answer, HttpRequest, RunFacts
from watchbill.core.steps.setting import Json, Value

SEGMENT = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._~-]{1,128}")
"""What vendors allow in a name, without what would name another path."""

SEMANTIC_PATCH = "application/json; domain-model=launchdarkly.semanticpatch"

HINTS = {
    401: "the token is not known",
    403: "the token has not the right to do this",
    404: "there is no such project, environment or flag",
    405: "the environment demands an approval of this change: ask for it there",
}
"""What a status means at either vendor. Texts of the answer are not shown: an address is a tenant's word."""


@dataclass(frozen=True)
class ServiceFlag:
    """A flag of a service, which is on or off."""

    vendor: str
    feature: str
    enabled: bool
    reading: HttpRequest
    turn: Callable[[bool], HttpRequest]
    """The request that turns it on or off."""
    is_on: Callable[[Json], Any]
    """Whether it is on, in the answer to the reading; what is no boolean is no answer."""

    @property
    def what(self) -> str:
        """Which flag, and what becomes of it."""
        return f"turn {'on' if self.enabled else 'off'} flag {self.feature} of {self.vendor}"

    @property
    def wanted(self) -> Value:
        """On or off."""
        return {"enabled": self.enabled}

    def found(self, body: Json) -> Value | str:
        """Whether it is on."""
        value = self.is_on(body)
        return (
            {"enabled": value} if isinstance(value, bool) else f"{self.vendor} does not say whether it is on"
        )

    def refusal(self, body: Json) -> str:
        """Any flag may be turned; the token says which."""
        return ""

    def writing(self, body: Json, value: Value) -> HttpRequest:
        """On or off, whatever it is now."""
        return self.turn(value["enabled"])

    def comparable(self, body: Json) -> Json:
        """There is no object."""
        return {}

    def said(self, answer: Answer) -> str:
        """What the status means."""
        hint = HINTS.get(answer.status)
        # Where there is no status, the message is of a Secret that cannot be read, or of no answer.
        return f"{self.vendor}: {answer.message}" + (f": {hint}" if hint else "")


def unleash(flag: Unleash) -> ServiceFlag | str:
    """A flag of Unleash (its OpenAPI document: `getFeatureEnvironment`, `toggleFeatureEnvironmentOn`)."""
    if wrong := _no_names(flag.project, flag.feature, flag.environment):
        return wrong
    path = f"projects/{_part(flag.project)}/features/{_part(flag.feature)}"
    url = f"{flag.base_url.rstrip('/')}/api/admin/{path}/environments/{_part(flag.environment)}"
    secret = flag.authorization_secret_ref

    def turn(enabled: bool) -> HttpRequest:
        return HttpRequest("POST", f"{url}/{'on' if enabled else 'off'}", authorization=secret)

    reading = HttpRequest("GET", url, authorization=secret)
    return ServiceFlag("Unleash", flag.feature, flag.enabled, reading, turn, lambda body: body.get("enabled"))


def launch_darkly(flag: LaunchDarkly, run: RunFacts) -> ServiceFlag | str:
    """A flag of LaunchDarkly (its OpenAPI document: `getFeatureFlag`, `patchFeatureFlag`)."""
    if wrong := _no_names(flag.project, flag.feature, flag.environment):
        return wrong
    url = f"{flag.base_url.rstrip('/')}/api/v2/flags/{_part(flag.project)}/{_part(flag.feature)}"
    secret = flag.authorization_secret_ref

    def turn(enabled: bool) -> HttpRequest:
        body = {
            "environmentKey": flag.environment,
            "comment": f"Watchbill: run {run.namespace}/{run.name}",
            "instructions": [{"kind": "turnFlagOn" if enabled else "turnFlagOff"}],
        }
        return _patch(url, json.dumps(body, sort_keys=True), secret)

    def is_on(body: Json) -> Any:
        environment = (body.get("environments") or {}).get(flag.environment)
        return environment.get("on") if isinstance(environment, dict) else None

    reading = HttpRequest("GET", f"{url}?env={_part(flag.environment)}", authorization=secret)
    return ServiceFlag("LaunchDarkly", flag.feature, flag.enabled, reading, turn, is_on)


def _patch(url: str, body: str, secret: SecretKeyRef) -> HttpRequest:
    return HttpRequest("PATCH", url, (("Content-Type", SEMANTIC_PATCH),), body, secret)


def _no_names(*names: str) -> str:
    """Which of the names can be none; empty where all can."""
    return next(
        (
            f"{name!r} is no name of a project, environment or flag"
            for name in names
            if not SEGMENT.fullmatch(name)
        ),
        "",
    )


def _part(name: str) -> str:
    return quote(name, safe="")
