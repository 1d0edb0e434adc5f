"""The operator's own configuration, read once."""

import os
import re
import socket
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from watchbill.api.durations import format_duration, parse_duration
from watchbill.api.model import is_url
from watchbill.core.effects import ConnectionKey
from watchbill.core.egress import EgressPolicy

LAST_PORT = 65535

# A label of the DNS, RFC 1123: what Kubernetes takes as the name of a namespace.
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Settings:
    """One field for each option of `watchbill run`."""

    identity: str
    """Under which name this process holds the lease."""
    namespace: str = "watchbill"
    """The operator's own namespace, where its lease is."""
    service_account: str = "watchbill"
    """The operator's service account, for the commands that messages tell."""
    watch_namespaces: tuple[str, ...] = ()
    """The namespaces in which it works, each once; empty for all."""
    health_address: str = ":8081"
    last_resort: ConnectionKey | None = None
    """The Connection that is paged where an incident has no class or policy, or none of them answers."""
    overdue_after: timedelta = timedelta(seconds=60)
    """After how long what is due and not done counts as overdue."""
    heartbeat_url: str = field(default="", repr=False)
    """What is asked for while pages get through, and is a credential; empty for none."""
    heartbeat_interval: timedelta = timedelta(seconds=30)
    test_page_connection: ConnectionKey | None = None
    """The Connection through which a test page goes on a schedule; None for none."""
    test_page_every: timedelta = timedelta(hours=24)
    egress: EgressPolicy | None = None
    """What the URLs that tenants write may reach; None where that is everything."""

    @property
    def account(self) -> str:
        """The operator's service account, as `kubectl create rolebinding --serviceaccount` takes it."""
        return f"{self.namespace}:{self.service_account}"


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


def namespaces(names: Iterable[str]) -> tuple[str, ...]:
    """The names, each once; raises ValueError for one that no namespace can have, such as the empty text."""
    found = tuple(dict.fromkeys(names))
    for name in found:
        if not _NAMESPACE.fullmatch(name):
            raise ValueError(f"{name!r} is not the name of a namespace")
    return found


def within(text: str, least: timedelta, most: timedelta) -> timedelta:
    """The length of a duration such as `30s`; raises ValueError for anything else, or one out of bounds."""
    length = parse_duration(text)
    if not least <= length <= most:
        bounds = f"{format_duration(least)} and {format_duration(most)}"
        raise ValueError(f"{text!r} is not between {bounds}")
    return length


def egress_policy(allowed: Iterable[str], *, deny_private: bool) -> EgressPolicy | None:
    """The policy with what it allows; raises ValueError where that is unreadable, or there is none."""
    found = EgressPolicy.read(allowed)
    if not deny_private and found != EgressPolicy():
        raise ValueError("--egress-allow has no meaning without --egress-deny-private")
    return found if deny_private else None


def secret_url(text: str) -> str:
    """The text, where it is an http or https URL or empty; raises ValueError, which does not quote it."""
    if text and not is_url(text):
        raise ValueError("the heartbeat's URL is not an http or https URL")
    return text
