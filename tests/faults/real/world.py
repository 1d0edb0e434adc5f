"""What all plans with real processes share: a control plane, whoever begins operators, and clients."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import httpx

from dev.cluster import Cluster
from tests.faults.real.nursery import Nursery
from tests.support.people import RBAC, admin_client
from watchbill.api.group import DEFAULT_OPERATOR_USER

LONGEST_LINE = 2**20
"""Bytes of an event of a watch."""

LEASES = {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create", "get", "update"]}


@dataclass(frozen=True)
class World:
    """The control plane and what reaches it."""

    cluster: Cluster
    nursery: Nursery
    people: httpx.Client
    """For people: it asks as the administrator, or as somebody whom it impersonates."""
    admin: aiohttp.ClientSession
    """For whoever looks on."""
    operators: aiohttp.ClientSession
    """For a proxy before the API server: operators bring their tokens."""
    serving: ssl.SSLContext
    """What a proxy shows to operators."""
    directory: Path
    """Where logs and kubeconfigs are."""


@asynccontextmanager
async def world(cluster: Cluster, directory: Path) -> AsyncIterator[World]:
    """The world around a control plane that runs, while this lasts."""
    access = cluster.access
    own = access.authority.certificate.parent
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.load_cert_chain(own / "apiserver.crt", own / "apiserver.key")
    with admin_client(cluster) as people, Nursery() as nursery:
        _grant(people)
        async with _session(access.context()) as admin, _session(access.anonymous_context()) as operators:
            yield World(cluster, nursery, people, admin, operators, serving, directory)


def _session(context: ssl.SSLContext) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(limit=0, ssl=context)
    patience = aiohttp.ClientTimeout(total=None)
    return aiohttp.ClientSession(connector=connector, timeout=patience, read_bufsize=LONGEST_LINE)


def _grant(people: httpx.Client) -> None:
    """Let the operator have its lease, and read Secrets, in the namespace of any plan."""
    role = {"metadata": {"name": "faults-leases"}, "rules": [LEASES]}
    people.post(f"{RBAC}/clusterroles", json=role)
    for name in ("faults-leases", "watchbill-secret-reader"):
        body = {
            "metadata": {"name": f"faults-{name}"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
            "subjects": [
                {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": DEFAULT_OPERATOR_USER}
            ],
        }
        people.post(f"{RBAC}/clusterrolebindings", json=body)
