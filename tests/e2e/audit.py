"""What the operator asked of the API server, as the server wrote it down, and what the chart grants."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from tests.e2e.release import NAME, NAMESPACE
from tests.support.kubectl import Kubectl
from tests.support.people import Json
from watchbill.api.group import SECRET_READER_ROLE

ROLES = (("clusterrole", NAME), ("role", NAME), ("clusterrole", SECRET_READER_ROLE))
"""All that the chart has to grant the operator; the last is bound by teams."""

FORBIDDEN = (401, 403)

_ROLE = re.compile(r'of (?:Cluster)?Role "([^"]+)" to ')


class Grant(NamedTuple):
    """One verb on one resource, or `resource/subresource`, of one name where there is one."""

    group: str
    resource: str
    verb: str
    name: str = ""

    def covers(self, asked: "Grant") -> bool:
        """Whether it allows what was asked for."""
        return self[:3] == asked[:3] and self.name in ("", asked.name)


class Audit:
    """What was asked so far; each call reads the log anew."""

    def __init__(self, log: Path) -> None:
        self._log = log

    def asked(self) -> set[Grant]:
        """What was asked for, whatever was answered."""
        return {_asked(entry) for entry in self._entries()}

    def used(self) -> set[Grant]:
        """What was asked for and allowed by a role of the chart's, not by a team's own."""
        names = {name for _, name in ROLES}
        return {_asked(entry) for entry in self._entries() if _role(entry) in names}

    def refused(self, namespaces: set[str]) -> list[str]:
        """Each request in these namespaces, or in the whole cluster, that was refused for want of a right.

        That of an admission policy counts too. A namespace that goes takes along what its team granted there.
        """
        return [
            f"{entry['verb']} {entry['requestURI']}: {entry['responseStatus'].get('message', '')}"
            for entry in self._entries()
            if entry.get("responseStatus", {}).get("code") in FORBIDDEN
            and entry.get("objectRef", {}).get("namespace", "") in {"", *namespaces}
        ]

    def _entries(self) -> Iterable[Json]:
        # The last line may be written at this moment.
        for line in self._log.read_text().splitlines(keepends=True):
            if line.endswith("\n"):
                yield json.loads(line)


def granted(kubectl: Kubectl) -> set[Grant]:
    """What the chart's roles grant, as they are in the cluster."""
    found = set()
    for kind, name in ROLES:
        role = json.loads(kubectl("get", kind, name, f"--namespace={NAMESPACE}", "--output=json").stdout)
        for rule in role["rules"]:
            found |= {
                Grant(group, resource, verb, name)
                for group in rule["apiGroups"]
                for resource in rule["resources"]
                for verb in rule["verbs"]
                for name in rule.get("resourceNames", [""])
            }
    return found


def _role(entry: Json) -> str:
    """The name of the role that allowed it; empty where none did."""
    found = _ROLE.search(entry.get("annotations", {}).get("authorization.k8s.io/reason", ""))
    return found[1] if found else ""


def _asked(entry: Json) -> Grant:
    about = entry.get("objectRef", {})
    resource = "/".join(about[key] for key in ("resource", "subresource") if key in about)
    return Grant(about.get("apiGroup", ""), resource, entry["verb"], about.get("name", ""))
