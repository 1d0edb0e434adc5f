"""Pages to build requests from, and settings for each provider, read from its worked example."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from watchbill.api.connection import VENDOR_FIELDS, ConnectionSpec
from watchbill.api.incident_status import Hop, Page
from watchbill.core.effects import AcknowledgePage, IncidentFacts, PageEffect, ResolvePage, SendPage
from watchbill.providers.contract import Mail, Provider, Request, Settings
from watchbill.providers.registry import PROVIDERS

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
UID = "0f6e1c9a-6a5b-4c1e-9d2f-3b7a8c9d0e1f"
KEY = f"{UID}.1.1.primary.7f3a"

SENDING = tuple(name for name, provider in PROVIDERS.items() if provider.real)


def incident(**changes: Any) -> IncidentFacts:
    facts: dict[str, Any] = {
        "uid": UID,
        "namespace": "shop",
        "name": "checkout-500s",
        "title": "Checkout returns 500 for every card payment",
        "severity": "SEV-1",
        "rank": 1,
        "summary": "Since the deploy at 01:12.\nNo card payment goes through.",
        "services": ("checkout", "cart"),
    }
    return IncidentFacts(**facts | changes)


def page(key: str = KEY, late: str = "", connection: str = "pager") -> Page:
    hop = Hop(connection=connection, namespace="shop", key=key, state="Sending")
    return Page(
        id="1.1.primary.1", epoch=1, round=1, level="primary", due_time=NOW, state="Pending", late=late,
        hops=(hop,),
    )  # fmt: skip


def trigger(facts: IncidentFacts | None = None, late: str = "", **changes: Any) -> SendPage:
    return SendPage(facts or incident(), page(late=late), 0, **changes)


def acknowledge(facts: IncidentFacts | None = None) -> AcknowledgePage:
    return AcknowledgePage(facts or incident(), page(), 0, by="ana")


def resolve(facts: IncidentFacts | None = None) -> ResolvePage:
    return ResolvePage(facts or incident(), page(), 0, by="bo")


def effects_for(provider: Provider, facts: IncidentFacts | None = None) -> tuple[PageEffect, ...]:
    """Every effect that the provider says it is capable of."""
    more: dict[str, PageEffect] = {"acknowledge": acknowledge(facts), "resolve": resolve(facts)}
    return (trigger(facts), *(effect for name, effect in more.items() if name in provider.capabilities))


def settings_for(name: str) -> Settings:
    """The settings and secrets of `examples/providers/<name>.yaml`, as the operator would read them."""
    documents = list(yaml.safe_load_all((ROOT / f"examples/providers/{name}.yaml").read_text()))
    spec = next(document["spec"] for document in documents if document["kind"] == "Connection")
    values = {
        document["metadata"]["name"]: document["stringData"]
        for document in documents
        if document["kind"] == "Secret"
    }
    connection = ConnectionSpec.model_validate(spec)
    return Settings(
        vendor=getattr(connection, VENDOR_FIELDS[name]),
        secrets={path: values[ref.name][ref.key] for path, ref in connection.secret_refs.items()},
    )


POSTING = tuple(
    name for name in SENDING if isinstance(PROVIDERS[name].build(trigger(), settings_for(name), NOW), Request)
)
"""The providers that send by HTTP."""


def mail_for(effect: PageEffect, settings: Settings | None = None) -> Mail:
    """The mail of the SMTP provider."""
    built = PROVIDERS["smtp"].build(effect, settings or settings_for("smtp"), NOW)
    assert isinstance(built, Mail)
    return built


def request_for(name: str, effect: PageEffect, settings: Settings | None = None) -> Request:
    """The request of a provider that sends by HTTP."""
    built = PROVIDERS[name].build(effect, settings or settings_for(name), NOW)
    assert isinstance(built, Request)
    return built
