"""Objects that a test makes and reads with kubectl."""

import json
from subprocess import CompletedProcess
from typing import Any

from tests.integration.rule_cases import Object, manifest
from tests.support.kubectl import Kubectl


def create(kubectl: Kubectl, namespace: str, document: Object) -> CompletedProcess[str]:
    """The object, created in the namespace."""
    return kubectl("create", f"--namespace={namespace}", "--filename=-", input=json.dumps(document))


def declare(kubectl: Kubectl, namespace: str, **status: Any) -> CompletedProcess[str]:
    """An incident `example`, with this status as the operator would have written it."""
    create(kubectl, namespace, manifest("Incident", {}))
    return write_status(kubectl, namespace, status)


def write_status(kubectl: Kubectl, namespace: str, status: dict[str, Any]) -> CompletedProcess[str]:
    """The incident `example` with this merged into its status, which must be accepted."""
    return kubectl(
        *("patch", "incident", "example", f"--namespace={namespace}", "--subresource=status"),
        *("--type=merge", f"--patch={json.dumps({'status': status})}"),
    )


def read(kubectl: Kubectl, namespace: str, name: str = "incident/example") -> Object:
    """The object as it is stored."""
    found: Object = json.loads(kubectl("get", name, f"--namespace={namespace}", "--output=json").stdout)
    return found
