"""A node of a cluster that has none: pods are given to it, and become what their image says."""

import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.kubelet import kubelet
from tests.support.people import Json, Person

FAILS, HANGS = "example.com/fails", "example.com/hangs"
"""The images of containers that fail, and that never end. Those of any other image do what they must."""

KILLED = 137
PAUSE = 0.1


@contextmanager
def node(name: str, admins: Collection[Person], folder: Path, log: str) -> Iterator[None]:
    """A node that runs the pods of these persons' namespaces, whose containers all say the same."""
    ending, first = threading.Event(), next(iter(admins))
    thread = threading.Thread(target=_serve, args=(name, admins, ending), daemon=True)
    with kubelet(folder, log) as port:
        register(first, name, port)
        thread.start()
        try:
            yield
        finally:
            ending.set()
            thread.join()
            first.ask("DELETE", f"/api/v1/nodes/{name}")


def register(admin: Person, name: str, port: int) -> None:
    """Makes a node whose kubelet listens at this port of the machine."""
    answer = admin.ask("POST", "/api/v1/nodes", {"metadata": {"name": name}})
    assert answer.succeeded, answer.message
    status = {
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
    }
    answer = admin.ask("PATCH", f"/api/v1/nodes/{name}/status", {"status": status})
    assert answer.succeeded, answer.message


def _serve(name: str, admins: Collection[Person], ending: threading.Event) -> None:
    while not ending.wait(PAUSE):
        for admin in admins:
            for pod in admin.ask("GET", admin.path("pods", version="v1")).body["items"]:
                _moved(admin, name, pod)


def _moved(admin: Person, name: str, pod: Json) -> None:
    """One step of a pod's life; what the API server refuses is tried again with the next round."""
    path = admin.path("pods", pod["metadata"]["name"], "v1")
    phase = pod["status"].get("phase")
    if "nodeName" not in pod["spec"]:
        bound = {"metadata": {"name": pod["metadata"]["name"]}, "target": {"kind": "Node", "name": name}}
        admin.ask("POST", f"{path}/binding", bound)
    elif phase == "Pending":
        admin.ask("PATCH", f"{path}/status", {"status": _begun(pod)})
    elif "deletionTimestamp" in pod["metadata"]:
        if phase == "Running":
            admin.ask("PATCH", f"{path}/status", {"status": _ended(pod, KILLED)})
        admin.ask("DELETE", path, {"gracePeriodSeconds": 0})


def _begun(pod: Json) -> Json:
    """What becomes of a pod: it is ready, or has ended at once where that is its purpose."""
    (container,) = pod["spec"]["containers"]
    if pod["spec"]["restartPolicy"] == "Never" and container["image"] != HANGS:
        return _ended(pod, 1 if container["image"] == FAILS else 0)
    moment = pod["metadata"]["creationTimestamp"]
    return {
        "phase": "Running",
        "startTime": moment,
        "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": moment}],
        "containerStatuses": [_container(pod, {"running": {"startedAt": moment}})],
    }


def _ended(pod: Json, code: int) -> Json:
    moment = pod["metadata"]["creationTimestamp"]
    times = {"startedAt": moment, "finishedAt": moment}
    return {
        "phase": "Failed" if code else "Succeeded",
        "startTime": moment,
        "conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": moment}],
        "containerStatuses": [_container(pod, {"terminated": {"exitCode": code, **times}})],
    }


def _container(pod: Json, state: Json) -> Json:
    (container,) = pod["spec"]["containers"]
    running = "running" in state
    more = {"name": container["name"], "image": container["image"], "imageID": "", "restartCount": 0}
    return {**more, "ready": running, "started": running, "state": state}
