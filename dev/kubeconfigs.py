"""Kubeconfigs: one for each user, complete in itself, readable by its owner only."""

import base64
import os
import urllib.parse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import yaml

from dev.access import Access
from dev.pki import KeyPair, issue_person

ADMIN = "admin"
"""The person of `.dev/kubeconfig`."""

ADMIN_GROUP = "system:masters"


class Reachable(Protocol):
    """Whatever knows how its control plane is reached."""

    @property
    def access(self) -> Access:
        """How it is reached."""


def person_kubeconfig(cluster: Reachable, user: str, groups: Sequence[str] = ()) -> Path:
    """The kubeconfig of a person with this user name and these groups, whom RBAC must know."""
    access = cluster.access
    stem = urllib.parse.quote(user, safe="")
    pair = issue_person(access.authority, access.people, user, groups, stem)
    return write_kubeconfig(access, access.people / f"{stem}.kubeconfig", user, _by(pair))


def admin_kubeconfig(access: Access, path: Path) -> Path:
    """The kubeconfig of the administrator."""
    return write_kubeconfig(access, path, ADMIN, _by(access.admin))


def token_kubeconfig(access: Access, path: Path, user: str, token: str) -> Path:
    """The kubeconfig of a user who holds a token."""
    return write_kubeconfig(access, path, user, {"token": token})


def write_kubeconfig(access: Access, path: Path, user: str, login: Mapping[str, str]) -> Path:
    """The path, after the kubeconfig with this login took its place in one step."""
    context = {"cluster": "watchbill-dev", "user": user, "namespace": "default"}
    server = {
        "server": access.url,
        "certificate-authority-data": _encoded(access.authority.certificate),
    }
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "watchbill-dev", "cluster": server}],
        "users": [{"name": user, "user": dict(login)}],
        "contexts": [{"name": "watchbill-dev", "context": context}],
        "current-context": "watchbill-dev",
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.touch(mode=0o600)
    fresh.write_text(yaml.safe_dump(content, sort_keys=False))
    return fresh.replace(path)


def _by(pair: KeyPair) -> dict[str, str]:
    return {
        "client-certificate-data": _encoded(pair.certificate),
        "client-key-data": _encoded(pair.key),
    }


def _encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
