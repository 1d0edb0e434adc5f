"""The operator's own configuration, read once."""

import os
import socket
import uuid
from dataclasses import dataclass

from watchbill.core.effects import ConnectionKey

LAST_PORT = 65535


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


def holder_of(identity: str) -> str:
    """Under which name this process claims, new with each call and at most 64 characters.

    Unlike the lease's identity it is another one after each start: what was claimed before and not recorded
    is unknown to this process, be it the same pod's (rule 9).
    """
    return f"{identity[:55]}#{uuid.uuid4().hex[:8]}"


def address(text: str) -> str:
    """The text, where it is `host:port` or `:port`; raises ValueError for anything else."""
    _, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > LAST_PORT:
        raise ValueError(f"{text!r} is not an address such as :8081")
    return text


def connection_key(text: str) -> ConnectionKey | None:
    """The key of `namespace/name`, None for the empty text; raises ValueError for anything else."""
    if not text:
        return None
    namespace, slash, name = text.partition("/")
    if not (namespace and slash and name) or "/" in name:
        raise ValueError(f"{text!r} is not the namespace/name of a Connection")
    return ConnectionKey(namespace, name)
