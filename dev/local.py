"""A control plane of two processes on this machine: etcd and kube-apiserver."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from functools import cached_property
from pathlib import Path

from dev import pki, processes, servers
from dev.access import Access
from dev.assets import Assets, ensure_assets
from dev.client import UNREACHABLE, Client
from dev.commands import last_line
from dev.errors import DevError
from dev.kubeconfigs import ADMIN, ADMIN_GROUP
from dev.layout import Layout
from dev.progress import Progress
from dev.waiting import wait_until

READY_SECONDS = 90.0
"""How long the servers may take; a quiet machine needs 3."""

ATTEMPTS = 3
"""How often other ports are tried where something else took a port before us."""

NAMES = ("kube-apiserver", "etcd")
"""In the order in which they stop."""


class _PortTaken(Exception):
    """Another process took a port between our choice and our start."""


class LocalProvider:
    """etcd and kube-apiserver, found by their pid files."""

    def __init__(
        self,
        layout: Layout,
        environment: Mapping[str, str],
        progress: Progress,
        *,
        die_with_parent: bool,
        durable: bool,
    ) -> None:
        self._layout = layout
        self._environment = environment
        self._progress = progress
        self._die_with_parent = die_with_parent
        self._durable = durable
        self._children: list[subprocess.Popen[bytes]] = []
        self._apiserver: list[str] = []

    @cached_property
    def _assets(self) -> Assets:
        return ensure_assets(self._environment, self._progress)

    @property
    def kubectl(self) -> Path:
        """The kubectl that was built together with the server."""
        return self._assets.kubectl

    def prepare(self) -> None:
        """Has the binaries at hand, built if need be."""
        self._progress.say(f"Using the binaries in {self._assets.directory}")

    def serve(self) -> Access:
        """How the new control plane is reached, once it is ready."""
        with self._progress.part("starting etcd and kube-apiserver"):
            for _ in range(ATTEMPTS):
                try:
                    return self._serve_on(servers.free_ports())
                except _PortTaken:
                    self.halt()
        raise DevError(f"Other processes took our ports {ATTEMPTS} times; try again.")

    def running(self) -> Access | None:
        """How the servers are reached when both run and answer, or None."""
        if any(processes.running_pid(self._layout.pid_file(name)) is None for name in NAMES):
            return None
        try:
            url = str(json.loads(self._layout.record.read_text())["url"])
            access = self._access(url)
            return access if _complaint_of(access.client()) is None else None
        except (OSError, ValueError, KeyError):
            return None

    @contextmanager
    def outage(self) -> Iterator[None]:
        """A time without kube-apiserver, which comes back with all that etcd holds."""
        processes.stop(self._layout.pid_file("kube-apiserver"), patience=10.0)
        try:
            yield
        finally:
            self._start("kube-apiserver", self._apiserver)
            self._wait_until_ready(str(json.loads(self._layout.record.read_text())["url"]))

    def halt(self) -> None:
        """Ends both servers, and waits until they are gone."""
        for name in NAMES:
            processes.stop(self._layout.pid_file(name), patience=10.0)
        for child in self._children:
            child.wait()
        self._children.clear()

    def _serve_on(self, ports: servers.Ports) -> Access:
        layout = self._layout
        url = f"https://127.0.0.1:{ports.apiserver}"
        layout.record.write_text(json.dumps({"provider": "local", "url": url, **asdict(ports)}))
        self._start("etcd", servers.etcd_command(self._assets, layout, ports, self._durable))
        authority = pki.create_authority(layout.pki)
        serving = pki.issue_server(authority, layout.pki)
        pki.issue_person(authority, layout.pki, ADMIN, [ADMIN_GROUP], "admin")
        pki.create_service_account_key(layout.pki)
        # kube-apiserver waits up to a second before it tries an absent etcd again.
        wait_until(lambda: self._etcd_complaint(ports), READY_SECONDS, pause=0.01)
        self._apiserver = servers.apiserver_command(self._assets, layout, ports, authority, serving)
        self._start("kube-apiserver", self._apiserver)
        return self._wait_until_ready(url)

    def _wait_until_ready(self, url: str) -> Access:
        access = self._access(url)
        client = access.client()
        wait_until(lambda: self._complaint(client), READY_SECONDS)
        return access

    def _start(self, name: str, command: list[str]) -> None:
        layout = self._layout
        log, pid_file = layout.logs / f"{name}.log", layout.pid_file(name)
        self._children.append(processes.start(command, log, pid_file, self._die_with_parent))

    def _etcd_complaint(self, ports: servers.Ports) -> str | None:
        """What keeps etcd from being used, or None."""
        self._require("etcd")
        return None if servers.listens(ports.etcd) else "etcd does not answer."

    def _complaint(self, client: Client) -> str | None:
        """What keeps the servers from being used, or None."""
        self._require(*NAMES)
        return _complaint_of(client)

    def _require(self, *names: str) -> None:
        """Raises where one of these servers has ended, with the reason."""
        for name in names:
            if processes.running_pid(self._layout.pid_file(name)) is None:
                log = self._layout.logs / f"{name}.log"
                if "address already in use" in log.read_text(errors="replace"):
                    raise _PortTaken
                raise DevError(f"{name} ended while starting; {log} ends with: {last_line(log)}")

    def _access(self, url: str) -> Access:
        directory = self._layout.pki
        authority = pki.KeyPair(directory / "ca.crt", directory / "ca.key")
        admin = pki.KeyPair(directory / "admin.crt", directory / "admin.key")
        return Access(url, authority, admin, self._layout.people)


def _complaint_of(client: Client) -> str | None:
    try:
        answer = client.get("/readyz")
    except UNREACHABLE as error:
        return f"kube-apiserver does not answer ({error})."
    return None if answer.succeeded else f"kube-apiserver is not ready: {answer.message}"
