"""What a decision may know of a Connection: what its provider says that it can do."""

from datetime import datetime

from watchbill.api.condition import find
from watchbill.api.connection import Connection
from watchbill.api.reasons import READY
from watchbill.core.observation import ConnectionFacts
from watchbill.providers.chats import CHATS
from watchbill.providers.registry import PROVIDERS


def facts_of(connection: Connection) -> ConnectionFacts:
    """What a decision knows of a connection: its provider says what it can do."""
    provider = PROVIDERS.get(connection.spec.vendor)
    if provider is None:
        return ConnectionFacts(
            uid=connection.metadata.uid,
            allowed_classes=connection.spec.allowed_classes,
            pages=False,
            channels=connection.spec.vendor in CHATS,
        )
    return ConnectionFacts(
        uid=connection.metadata.uid,
        allowed_namespaces=connection.spec.allowed_namespaces,
        unkeyed=provider.unkeyed,
        real=provider.real,
        acknowledges="acknowledge" in provider.capabilities,
        resolves="resolve" in provider.capabilities,
        ready_since=_ready_since(connection),
    )


def _ready_since(connection: Connection) -> datetime | None:
    ready = find(connection.status.conditions, READY)
    return ready.last_transition_time if ready is not None and ready.status == "True" else None
