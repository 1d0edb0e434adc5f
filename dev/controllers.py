"""kube-controller-manager beside a local control plane, for tests of what its controllers write."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from dev import processes
from dev.cluster import Cluster
from dev.commands import last_line
from dev.errors import DevError
from dev.kubeconfigs import person_kubeconfig
from dev.lifecycle import Started
from dev.waiting import wait_until

WORKLOADS = ("deployment", "replicaset", "statefulset", "daemonset", "job")
"""The controllers of what runs pods. Where no node takes a pod, revisions, hashes and counts are real yet."""

USER = "system:kube-controller-manager"
READY_SECONDS = 30.0
NAME = "kube-controller-manager"
SYNCED = "Caches are synced"


class Controllers(Started):
    """Some controllers, each as the account and with the role that it has in a real cluster.

    They act on all namespaces while they run: `with Controllers(cluster, binary, directory):` ends them too.
    """

    def __init__(
        self, cluster: Cluster, binary: Path, directory: Path, names: Sequence[str] = WORKLOADS
    ) -> None:
        self._cluster = cluster
        self._binary = binary
        self._names = tuple(names)
        self._log = directory / f"{NAME}.log"
        self._pid_file = directory / f"{NAME}.pid"
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Itself, once every controller has seen what there is; raises DevError where one does not."""
        command = [
            str(self._binary),
            f"--kubeconfig={person_kubeconfig(self._cluster, USER)}",
            f"--controllers={','.join(f'{name}-controller' for name in self._names)}",
            "--use-service-account-credentials",
            "--leader-elect=false",
            "--secure-port=0",
        ]
        self._child = processes.start(command, self._log, self._pid_file, die_with_parent=True)
        try:
            wait_until(self._complaint, READY_SECONDS)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Ends them, and waits until they are gone; the log stays."""
        processes.stop(self._pid_file, patience=10.0)
        if self._child is not None:
            self._child.wait()
            self._child = None

    def _complaint(self) -> str | None:
        """What keeps them from being at work, or None."""
        if processes.running_pid(self._pid_file) is None:
            raise DevError(f"{NAME} ended while starting; {self._log} ends with: {last_line(self._log)}")
        synced = self._log.read_text(errors="replace").count(SYNCED)
        return (
            None if synced >= len(self._names) else f"{synced} of {len(self._names)} controllers are ready."
        )
