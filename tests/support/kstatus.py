"""kstatus, by which Flux, kpt and Helm wait, as its documentation and sources describe the algorithm.

Source: kubernetes-sigs/cli-utils, pkg/kstatus, for kinds that it has no rules of their own for.
"""

from collections.abc import Mapping
from typing import Any, Literal

Status = Literal["Terminating", "InProgress", "Failed", "Current"]


def kstatus(thing: Mapping[str, Any]) -> Status:
    """What a GitOps tool takes an object's state for."""
    metadata, status = thing["metadata"], thing.get("status", {})
    if "deletionTimestamp" in metadata:
        return "Terminating"
    if status.get("observedGeneration", metadata.get("generation")) != metadata.get("generation"):
        return "InProgress"
    found = {each["type"]: each["status"] for each in status.get("conditions", [])}
    if found.get("Reconciling") == "True":
        return "InProgress"
    if found.get("Stalled") == "True":
        return "Failed"
    return "Current" if found.get("Ready", "True") == "True" else "InProgress"
