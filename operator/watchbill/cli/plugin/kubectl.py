"""Asks the API server as the person who types: the `kubectl` binary does it, with their kubeconfig.

Contexts, exec plugins, certificates and proxies are kubectl's; decision 12 says why.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from watchbill.cli.plugin.child import Child
from watchbill.cli.plugin.failure import Conflict, Exists, ExitCode, Failed

Json = dict[str, Any]

INCIDENTS = "incidents.watchbill.dev"
"""With its group, so that another project's kind of this name is never meant."""
UPDATES = "incidentupdates.watchbill.dev"
POLICIES = "escalationpolicies.watchbill.dev"
CONNECTIONS = "connections.watchbill.dev"
CLASSES = "incidentclasses.watchbill.dev"
RUNBOOKS = "runbooks.watchbill.dev"
RUNS = "runbookruns.watchbill.dev"

REQUEST_TIMEOUT = "--request-timeout=15s"
"""kubectl alone would wait for as long as the network does."""

WATCHING = ("--watch", "--output-watch-events", "--output=json")

UNREACHABLE = re.compile(
    r"Unable to connect|was refused|i/o timeout|context deadline|no such host|TLS handshake"
)
REASON = re.compile(r"^Error from server \((\w+)\)", re.MULTILINE)


@dataclass(frozen=True)
class Kubectl:
    """kubectl with the flags that say where and as whom."""

    flags: tuple[str, ...] = ()

    def __call__(self, *arguments: str, stdin: str | None = None) -> str:
        """What kubectl printed; raises Failed with what it said."""
        with Child(["kubectl", *self.flags, REQUEST_TIMEOUT, *arguments], stdin) as child:
            printed = "".join(child.lines())
            code, said = child.ended()
        if code != 0:
            raise failure(said)
        return printed

    def read(self, *arguments: str) -> Json:
        """The object that kubectl printed; raises Failed."""
        found: Json = json.loads(self(*arguments, "--output=json"))
        return found

    def me(self) -> str:
        """The user name that the API server knows the caller by; raises Failed."""
        name: str = self.read("auth", "whoami")["status"]["userInfo"]["username"]
        return name

    def may(self, verb: str) -> bool:
        """Whether the caller holds a verb on incidents; raises Failed where that cannot be told."""
        # kubectl warns of verbs that are not Kubernetes' own.
        command = ["kubectl", *self.flags, REQUEST_TIMEOUT, "auth", "can-i", verb, INCIDENTS]
        with Child(command, mute=True) as child:
            answer = "".join(child.lines()).strip()
            _, said = child.ended()
        if answer not in ("yes", "no"):
            raise failure(said)
        return answer == "yes"

    def incident(self, name: str) -> Json:
        """The incident as it is now; raises Failed."""
        return self.read("get", INCIDENTS, name)

    def patched(self, name: str, spec: Json, version: str, kind: str = INCIDENTS) -> Json:
        """The object with its spec changed, if it still is as read; raises Conflict where it is not."""
        patch = {"metadata": {"resourceVersion": version}, "spec": spec}
        return self.read("patch", kind, name, "--type=merge", f"--patch={json.dumps(patch)}")

    def created(self, content: Json) -> Json:
        """The object as the API server made it; raises Exists where its name is taken."""
        text = self("create", "--filename=-", "--output=json", stdin=json.dumps(content))
        found: Json = json.loads(text)
        return found

    def versions(self, name: str, kind: str = INCIDENTS) -> Iterator[Json]:
        """The object, and again whenever it changes, until the server ends the watch or it is deleted.

        Raises Failed.
        """
        command = ["kubectl", *self.flags, "get", kind, name, *WATCHING]
        with Child(command) as child:
            # kubectl writes each event in a line of its own.
            for event in map(json.loads, child.lines()):
                if event["type"] == "DELETED":
                    return
                yield event["object"]
            code, said = child.ended()
        if code != 0:
            raise failure(said)


def failure(said: str) -> Failed:
    """What kubectl said of a refusal, in the server's words, as the error that it stands for."""
    message = said.strip() or "kubectl failed and said nothing"
    found = REASON.search(said)
    match found[1] if found else "":
        case "Conflict":
            return Conflict(message)
        case "AlreadyExists":
            return Exists(message)
        case "NotFound":
            return Failed(message, ExitCode.NOT_FOUND)
        case "Forbidden" | "Unauthorized":
            return Failed(message, ExitCode.FORBIDDEN)
    return Failed(message, ExitCode.UNREACHABLE if UNREACHABLE.search(said) else ExitCode.REFUSED)
