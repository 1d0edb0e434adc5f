"""Under which name the API server serves a kind, and whether its objects stand in a namespace."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from watchbill.shell.kube import Kube

API_VERSION = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?v[a-z0-9]+")


class Served(NamedTuple):
    """How a kind is served."""

    base: str
    """The path below which its group is."""
    plural: str
    namespaced: bool


class NotServed(Exception):
    """No such kind is served; the message says so."""


class Discovery:
    """What is served, asked for once for each apiVersion and again for a kind that was not there."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube
        self._known: dict[str, Mapping[str, Served]] = {}

    async def find(self, api_version: str, kind: str) -> Served:
        """How the kind is served; raises NotServed, or KubeError: NotFound for an unknown apiVersion."""
        if not API_VERSION.fullmatch(api_version):
            raise NotServed(f"{api_version} is no apiVersion")
        found = self._known.get(api_version, {}).get(kind)
        if found is None:
            self._known[api_version] = await self._read(api_version)
            found = self._known[api_version].get(kind)
        if found is None:
            raise NotServed(f"the API server serves no {kind} in {api_version}")
        return found

    async def _read(self, api_version: str) -> Mapping[str, Served]:
        base = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
        document = await self._kube.get(base)
        return {
            each["kind"]: Served(base, each["name"], bool(each["namespaced"]))
            for each in document.get("resources") or []
            if "/" not in each["name"]
        }
