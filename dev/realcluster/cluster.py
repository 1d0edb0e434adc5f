"""The cluster of one node: etcd, the API server, its controllers, and a node whose pods run in containers."""

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Self

from dev import pki, processes
from dev.access import Access
from dev.client import UNREACHABLE
from dev.commands import last_line
from dev.errors import DevError
from dev.kubeconfigs import ADMIN, ADMIN_GROUP, admin_kubeconfig, person_kubeconfig
from dev.layout import Layout
from dev.lifecycle import Started
from dev.locks import locked
from dev.progress import Progress
from dev.realcluster import addresses as at
from dev.realcluster import commands, machine
from dev.realcluster.binaries import Binaries, ensure_binaries
from dev.realcluster.needs import plugin_directory, require_alone, require_node
from dev.realcluster.settings import Place, write_settings
from dev.waiting import wait_until

NAMES = (
    "dns",
    "kube-proxy",
    "kubelet",
    "kube-scheduler",
    "kube-controller-manager",
    "kube-apiserver",
    "etcd",
    "containerd",
)
"""The servers in the order in which they end; the pods end after the first five."""

USERS = {
    "kube-controller-manager": ("system:kube-controller-manager", ()),
    "kube-scheduler": ("system:kube-scheduler", ()),
    "kubelet": (f"system:node:{at.NODE}", ("system:nodes",)),
    "kube-proxy": ("system:kube-proxy", ()),
    "dns": ("system:dns", ()),
}
"""Who each server is to the API server."""

LOCK = Path("/run/lock/watchbill-cluster.lock")
READY_SECONDS = 120.0
"""How long a server, or the node, may take to be ready; a quiet machine needs 3 for each."""

DNS_ROLE = Path(__file__).resolve().parent / "dns.yaml"


class RealCluster(Started):
    """The one such cluster of this machine; `with RealCluster() as cluster:` ends it too."""

    def __init__(
        self,
        images: Sequence[Path] = (),
        *,
        die_with_parent: bool = True,
        environment: Mapping[str, str] | None = None,
        progress: Progress | None = None,
    ) -> None:
        """A cluster that is not started yet, and the archives of the images that its pods can use."""
        self._environment = os.environ if environment is None else environment
        self._progress = Progress() if progress is None else progress
        self._images = images
        self._die_with_parent = die_with_parent
        self._place = Place(Layout(at.ROOT))
        self._children: list[subprocess.Popen[bytes]] = []
        self._binaries: Binaries | None = None

    @property
    def access(self) -> Access:
        """How the API server is reached, from this machine alone."""
        directory = self._place.layout.pki
        authority = pki.KeyPair(directory / "ca.crt", directory / "ca.key")
        admin = pki.KeyPair(directory / "admin.crt", directory / "admin.key")
        return Access(at.SERVER, authority, admin, self._place.layout.people)

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig of the user `admin`, who is cluster-admin."""
        return self._place.layout.kubeconfig

    @property
    def kubectl(self) -> Path:
        """The kubectl that fits the server."""
        return self.binaries.assets.kubectl

    @property
    def audit(self) -> Path:
        """What the operator's account asked of the API server since the start, a JSON object a line."""
        return self._place.audit

    @property
    def binaries(self) -> Binaries:
        """The servers' binaries, built where they are not found."""
        if self._binaries is None:
            self._binaries = ensure_binaries(self._environment, self._progress)
        return self._binaries

    def run_kubectl(
        self, *arguments: str, kubeconfig: Path | None = None, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """What kubectl answered to these arguments, as `admin` or as the owner of a kubeconfig."""
        who = self.kubeconfig if kubeconfig is None else kubeconfig
        command = [str(self.kubectl), f"--kubeconfig={who}"]
        command += [f"--cache-dir={self._place.home / 'kubectl'}", *arguments]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)

    def pid(self, container: str) -> int:
        """The process of a running container, which is named as a pod's status names it; raises DevError."""
        wanted = container.removeprefix("containerd://")
        for line in self._ctr("tasks", "list").stdout.splitlines():
            if line.startswith(wanted):
                return int(line.split()[1])
        raise DevError(f"The container {wanted} does not run.")

    def start(self) -> Self:
        """Itself, with its node Ready; nothing runs and nothing is changed after a failure."""
        require_node(self._environment)
        _ = self.binaries
        with self._locked(), ExitStack() as undo:
            if self._runs():
                raise DevError(
                    "A cluster runs on this machine already, which can hold one only; "
                    "`python -m dev cluster down` ends it."
                )
            self._end()
            require_alone()
            undo.callback(self._end)
            with self._progress.part("starting a cluster of one node"):
                self._serve()
            undo.pop_all()
        return self

    def restart_apiserver(self) -> None:
        """Ends the API server and starts it again: it has forgotten what happened to objects before."""
        processes.stop(self._place.layout.pid_file("kube-apiserver"), patience=10.0)
        self._start("kube-apiserver", commands.apiserver(self.binaries, self._place))
        self._wait(self._apiserver_complaint)

    def stop(self) -> None:
        """Ends it with its pods, and puts back what it changed on the machine."""
        if at.ROOT.exists():
            with self._locked():
                self._end()

    def _serve(self) -> None:
        place, binaries = self._place, self.binaries
        machine.prepare(place, binaries.node / "kube-proxy")
        authority = pki.create_authority(place.layout.pki)
        pki.issue_server(authority, place.layout.pki, (at.ADDRESS, at.APISERVER_SERVICE))
        pki.issue_person(authority, place.layout.pki, ADMIN, [ADMIN_GROUP], "admin")
        client = commands.KUBELET_CLIENT
        pki.issue_person(authority, place.layout.pki, "kube-apiserver", [ADMIN_GROUP], client)
        pki.create_service_account_key(place.layout.pki)
        admin_kubeconfig(self.access, self.kubeconfig)
        users = {name: person_kubeconfig(self, user, groups) for name, (user, groups) in USERS.items()}
        runc, plugins = shutil.which("runc"), plugin_directory()
        assert runc is not None
        assert plugins is not None  # require_node has seen both.
        write_settings(place, runc, plugins, users)
        self._start("containerd", commands.containerd(binaries, place))
        self._start("etcd", commands.etcd(binaries, place))
        self._start("kube-apiserver", commands.apiserver(binaries, place))
        self._wait(self._apiserver_complaint)
        self._start("kube-controller-manager", commands.controller_manager(binaries, place, users))
        self._start("kube-scheduler", commands.scheduler(binaries, users))
        self._wait(lambda: self._containerd("version"))
        for archive in self._images:
            self._import(archive)
        self._start("kubelet", commands.kubelet(binaries, place, users))
        self._start("kube-proxy", commands.kube_proxy(binaries, place))
        self._wait(lambda: self._kubectl_complaint("apply", f"--filename={DNS_ROLE}"))
        self._start("dns", commands.dns(binaries, place))
        self._wait(self._node_complaint)

    def _start(self, name: str, command: list[str]) -> None:
        layout = self._place.layout
        log, pid_file = layout.logs / f"{name}.log", layout.pid_file(name)
        self._children.append(processes.start(command, log, pid_file, self._die_with_parent))

    def _import(self, archive: Path) -> None:
        if complaint := self._containerd("images", "import", "--local=true", str(archive)):
            raise DevError(f"The image in {archive} was not imported: {complaint}")

    def _containerd(self, *arguments: str) -> str | None:
        """What containerd said against this command of ctr, or None."""
        answer = self._ctr(*arguments)
        return None if answer.returncode == 0 else answer.stderr.strip()[-300:]

    def _ctr(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        ctr = self.binaries.containerd / "ctr"
        command = [str(ctr), f"--address={self._place.socket}", "--namespace=k8s.io", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def _wait(self, complaint: Callable[[], str | None]) -> None:
        """Returns once there is no complaint; raises DevError at the limit, or where a server has ended."""

        def first() -> str | None:
            for name in NAMES:
                pid_file, log = self._place.layout.pid_file(name), self._place.layout.logs / f"{name}.log"
                if pid_file.exists() and processes.running_pid(pid_file) is None:
                    raise DevError(f"{name} ended while starting; {log} ends with: {last_line(log)}")
            return complaint()

        wait_until(first, READY_SECONDS, pause=0.1)

    def _apiserver_complaint(self) -> str | None:
        try:
            answer = self.access.client().get("/readyz")
        except UNREACHABLE as error:
            return f"kube-apiserver does not answer ({error})."
        return None if answer.succeeded else f"kube-apiserver is not ready: {answer.message}"

    def _kubectl_complaint(self, *arguments: str) -> str | None:
        answer = self.run_kubectl(*arguments)
        return None if answer.returncode == 0 else answer.stderr.strip()[-300:]

    def _node_complaint(self) -> str | None:
        answer = self.access.client().get(f"/api/v1/nodes/{at.NODE}")
        if not answer.succeeded:
            return answer.message
        for each in answer.body.get("status", {}).get("conditions", []):
            if each["type"] == "Ready":
                return None if each["status"] == "True" else f"the node is not Ready: {each['message']}"
        return "the node is not there yet."

    def _runs(self) -> bool:
        return any(processes.running_pid(self._place.layout.pid_file(name)) for name in NAMES)

    def _locked(self) -> AbstractContextManager[None]:
        return locked(LOCK, self._progress, "waiting for another start or end of this machine's cluster")

    def _end(self) -> None:
        """Ends what runs of it, also after a start or an end that was interrupted; the logs stay."""
        if not at.ROOT.exists():
            return
        layout = self._place.layout
        for name in NAMES[:5]:
            processes.stop(layout.pid_file(name), patience=10.0)
        machine.end_pods(self._place)
        for name in NAMES[5:]:
            processes.stop(layout.pid_file(name), patience=10.0)
        for child in self._children:
            child.wait()
        self._children.clear()
        if machine.is_changed(self._place):
            machine.put_back(self._place)
        for kept in (at.ROOT, layout.home):
            for each in kept.iterdir() if kept.exists() else ():
                if each not in (layout.home, layout.logs):
                    shutil.rmtree(each) if each.is_dir() else each.unlink()
