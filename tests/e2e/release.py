"""The chart, installed in the cluster by Helm, and the pods that it makes."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from subprocess import CompletedProcess
from typing import Self

from dev.layout import REPOSITORY
from dev.realcluster.addresses import ADDRESS, NODE
from dev.realcluster.images import TAG
from dev.waiting import wait_until
from tests.support.kubectl import Kubectl
from tests.support.people import Json

NAMESPACE = NAME = "watchbill"
CHART = REPOSITORY / "charts" / "watchbill"
REGISTRY, _, IMAGE = TAG.partition("/")
REPOSITORY_NAME, _, VERSION = IMAGE.partition(":")
READY_WITHIN = "150s"
DRAINED = "watchbill.dev/drained"
"""The label by which a drain takes one pod; the cluster has no node to spare."""


@dataclass(frozen=True)
class Usage:
    """What a container has taken at one moment, the processor's time since its start."""

    time: float
    core_seconds: float
    mebibytes: float

    @classmethod
    def of(cls, container: Json) -> Self:
        """What kubelet says of a container; a part that it has not measured yet is 0."""
        cpu, memory = container.get("cpu", {}), container.get("memory", {})
        moment = datetime.fromisoformat(cpu["time"]).timestamp() if "time" in cpu else 0.0
        return cls(moment, cpu.get("usageCoreNanoSeconds", 0) / 1e9, memory.get("workingSetBytes", 0) / 2**20)


class Release:
    """One release of the chart; each command of Helm waits until what it asks for is so."""

    def __init__(self, kubectl: Kubectl, helm: Path, kubeconfig: Path, home: Path) -> None:
        self._kubectl = kubectl
        self._helm = helm
        self._kubeconfig = kubeconfig
        self._home = home
        self.seconds = 0.0
        """How long the first installation took until every replica was ready."""

    def make_namespace(self) -> None:
        """Makes the release's namespace, which refuses pods that the restricted standard does not allow."""
        self._kubectl("create", "namespace", NAMESPACE)
        level = "pod-security.kubernetes.io/enforce=restricted"
        self._kubectl("label", "namespace", NAMESPACE, level)

    def install(self, **values: str) -> None:
        """Installs the chart, or upgrades it, and returns once its Deployment is rolled out."""
        started = time.monotonic()
        values = {
            "image.registry": REGISTRY,
            "image.repository": REPOSITORY_NAME,
            "image.tag": VERSION,
            "egress.allow": f"{{{ADDRESS}/32}}",  # The receiver's, which is private.
            **values,
        }
        settings = [f"--set={name}={value}" for name, value in values.items()]
        self.helm("upgrade", "--install", NAME, str(CHART), "--wait", f"--timeout={READY_WITHIN}", *settings)
        self.seconds = self.seconds or time.monotonic() - started

    def helm(self, *arguments: str) -> str:
        """What Helm printed to these arguments; the test fails unless it succeeded."""
        homes = {f"HELM_{name}_HOME": str(self._home) for name in ("CACHE", "CONFIG", "DATA")}
        command = [
            str(self._helm),
            f"--kubeconfig={self._kubeconfig}",
            f"--namespace={NAMESPACE}",
            *arguments,
        ]
        answer = subprocess.run(command, env=os.environ | homes, capture_output=True, text=True, check=False)
        if answer.returncode != 0:
            raise AssertionError(f"helm {' '.join(arguments)}: {answer.stdout}{answer.stderr}{self._state()}")
        return answer.stdout

    def pods(self) -> list[Json]:
        """The operator's pods that are not about to go."""
        selector = f"app.kubernetes.io/instance={NAME},app.kubernetes.io/component=operator"
        answer = self._kubectl(
            "get", "pods", f"--namespace={NAMESPACE}", f"--selector={selector}", "--output=json"
        )
        pods: list[Json] = json.loads(answer.stdout)["items"]
        return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]

    def container(self, pod: str) -> str:
        """The container of this pod, as the node's runtime names it."""
        (found,) = (each for each in self.pods() if each["metadata"]["name"] == pod)
        return str(found["status"]["containerStatuses"][0]["containerID"])

    def wait_until_whole(self) -> None:
        """Returns once every replica is ready."""
        where = (f"deployment/{NAME}", f"--namespace={NAMESPACE}")
        self._kubectl("rollout", "status", *where, f"--timeout={READY_WITHIN}")

    def delete(self, pod: str, *how: str) -> None:
        """Deletes a pod, and does not wait until it is gone."""
        self._kubectl("delete", "pod", pod, f"--namespace={NAMESPACE}", "--wait=false", *how)

    def drain(self, pod: str, timeout: str = READY_WITHIN) -> CompletedProcess[str]:
        """What kubectl answered to a drain that takes this pod alone; the node takes no pods from then on."""
        self._kubectl("label", "pod", pod, f"--namespace={NAMESPACE}", f"{DRAINED}={pod}")
        how = ("--ignore-daemonsets", "--delete-emptydir-data", "--force", f"--timeout={timeout}")
        return self._kubectl("drain", NODE, f"--pod-selector={DRAINED}={pod}", *how, check=False)

    @contextmanager
    def drained(self, pod: str) -> Iterator[None]:
        """A time in which this pod is evicted, and the node takes no other in its place."""
        try:
            answer = self.drain(pod)
            assert answer.returncode == 0, answer.stderr
            yield
        finally:
            self._kubectl("uncordon", NODE)

    def leader(self) -> str:
        """The name of the pod that holds the Lease, once one of them does."""
        found: list[str] = []

        def complaint() -> str | None:
            lease = self._kubectl(
                "get", "lease", NAME, f"--namespace={NAMESPACE}", "--output=jsonpath={.spec.holderIdentity}"
            ).stdout
            found[:] = [pod["metadata"]["name"] for pod in self.pods() if pod["metadata"]["uid"] == lease]
            return None if found else f"no pod holds the lease, which says {lease!r}."

        wait_until(complaint, 60, pause=0.2)
        return found[0]

    def usage(self, pod: str) -> Usage:
        """What this pod takes, as kubelet saw it last."""
        path = f"/api/v1/nodes/{NODE}/proxy/stats/summary"
        for each in json.loads(self._kubectl("get", "--raw", path).stdout)["pods"]:
            if each["podRef"]["name"] == pod:
                return Usage.of(each["containers"][0])
        raise AssertionError(f"kubelet knows nothing of {pod}")

    def usage_over(self, pod: str, seconds: float) -> tuple[float, float]:
        """How many cores this pod takes on average over so long, and how many MiB of memory at its end."""
        first = self.usage(pod)
        later = first

        def complaint() -> str | None:
            nonlocal later
            later = self.usage(pod)
            return (
                None
                if later.time - first.time >= seconds
                else f"only {later.time - first.time:.0f} s passed."
            )

        wait_until(complaint, seconds + 60, pause=2)
        return (later.core_seconds - first.core_seconds) / (later.time - first.time), later.mebibytes

    def _state(self) -> str:
        """What the pods and their Events say, for whoever asks why a command failed."""
        asked = (
            ("get", "pods", "--output=wide"),
            ("get", "events"),
            ("logs", f"deployment/{NAME}", "--tail=20"),
        )
        said = [self._kubectl(*words, f"--namespace={NAMESPACE}", check=False).stdout for words in asked]
        return "\n".join(["", *said])
