"""The operator's own configuration, read once."""

import os
import socket
from dataclasses import dataclass

from watchbill.core.effects import ConnectionKey


@dataclass(frozen=True, slots=True)
class Settings:
    """One field for each option of `watchbill run`."""

    identity: str
    """Under which name this process holds the lease."""
    namespace: str = "watchbill"
    """The operator's own namespace, where its lease is."""
    service_account: str = "watchbill"
    """The operator's service account, for the commands that messages tell."""
    health_address: str = ":8081"
    last_resort: ConnectionKey | None = None
    """The Connection that is paged where an incident has no class or policy, or none of them answers."""


def default_identity() -> str:
    """The pod's UID, so that a restarted container takes over at once; else host and pid (rule 8)."""
    return os.environ.get("POD_UID") or f"{socket.gethostname()}_{os.getpid()}"


def connection_key(text: str) -> ConnectionKey | None:
    """The key of `namespace/name`, None for the empty text; raises ValueError for anything else."""
    if not text:
        return None
    namespace, slash, name = text.partition("/")
    if not (namespace and slash and name) or "/" in name:
        raise ValueError(f"{text!r} is not the namespace/name of a Connection")
    return ConnectionKey(namespace, name)
