"""One control plane with Watchbill installed, as tests and `make up` use it."""

import atexit
import json
import os
import shutil
import ssl
import subprocess
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Self

from dev.access import Access
from dev.assets import kind_is_asked_for
from dev.errors import DevError
from dev.install import Manifests, install
from dev.kind import KindProvider
from dev.kubeconfigs import admin_kubeconfig
from dev.layout import REPOSITORY, Layout, state_directory
from dev.lifecycle import Started
from dev.local import LocalProvider
from dev.locks import locked
from dev.progress import Progress
from dev.provider import Provider


class Cluster(Started):
    """A control plane in a directory of its own; `with Cluster(path) as cluster:` ends it too.

    It has no controllers: a namespace that is deleted stays Terminating, nothing is collected
    when its owner goes, and no account gets tokens unasked. Use a new namespace for each test.
    """

    def __init__(
        self,
        directory: Path | None = None,
        *,
        manifests: Path = REPOSITORY,
        die_with_parent: bool = True,
        durable: bool = False,
        environment: Mapping[str, str] | None = None,
        progress: Progress | None = None,
    ) -> None:
        """A control plane that is not started yet; `durable` makes etcd wait for the disk."""
        self._environment = os.environ if environment is None else environment
        self._progress = Progress() if progress is None else progress
        self._layout = Layout((directory or state_directory(self._environment)).resolve())
        self._manifests = Manifests(manifests)
        self._die_with_parent = die_with_parent
        self._access: Access | None = None
        self._local = LocalProvider(
            self._layout,
            self._environment,
            self._progress,
            die_with_parent=die_with_parent,
            durable=durable,
        )
        self._kind = KindProvider(self._layout, self._environment, self._progress)

    @property
    def access(self) -> Access:
        """How it is reached; raises DevError while it is not known to run."""
        if self._access is None:
            raise DevError("The control plane is not running; run `make up` first.")
        return self._access

    @property
    def url(self) -> str:
        """The address of the API server."""
        return self.access.url

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig of the user `admin`, who is cluster-admin."""
        return self._layout.kubeconfig

    @property
    def operator_kubeconfig(self) -> Path:
        """The kubeconfig of the operator's service account, with the role that ships."""
        return self._layout.operator_kubeconfig

    @property
    def kubectl(self) -> Path:
        """The kubectl that fits the server."""
        return self._asked_for().kubectl

    def ssl_context(self) -> ssl.SSLContext:
        """A TLS context that trusts the server and acts as `admin`."""
        return self.access.context()

    def run_kubectl(
        self, *arguments: str, kubeconfig: Path | None = None, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """What kubectl answered to these arguments, as `admin` or as the owner of a kubeconfig."""
        who = self.kubeconfig if kubeconfig is None else kubeconfig
        command = [str(self.kubectl), f"--kubeconfig={who}"]
        command += [f"--cache-dir={self._layout.home / 'kubectl'}", *arguments]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)

    def start(self) -> Self:
        """Itself, running, with everything installed and in force; nothing runs after a failure.

        One that runs already gets the manifests of now, and stays as it was when that fails.
        """
        self._manifests.require()
        with self._locked(), ExitStack() as undo:
            access = self._found()
            if access is None:
                asked = self._asked_for()
                asked.prepare()
                self._end()
                undo.callback(self._end)
                access = asked.serve()
            self._access = access
            admin_kubeconfig(access, self._layout.kubeconfig)
            with self._progress.part("installing CRDs, roles and admission policies"):
                install(access, self.kubectl, self._layout, self._manifests)
            if self._die_with_parent:
                atexit.register(self.stop)
            undo.pop_all()
        return self

    def find(self) -> bool:
        """True when it runs already; then it can be used as if started here."""
        self._access = self._found()
        return self._access is not None

    def outage(self) -> AbstractContextManager[None]:
        """A time without the API server, as long as the `with` block lasts; raises DevError for kind's."""
        if self._recorded() is not self._local:
            raise DevError("Only the API server of a local control plane can be stopped.")
        return self._local.outage()

    def stop(self) -> None:
        """Ends it and waits until it is gone; its logs stay."""
        atexit.unregister(self.stop)
        if self._layout.home.exists():
            with self._locked():
                self._end()

    def _locked(self) -> AbstractContextManager[None]:
        waiting = "waiting for another `make up` or `make down` of this checkout"
        return locked(self._layout.home / ".lock", self._progress, waiting)

    def _asked_for(self) -> Provider:
        return self._kind if kind_is_asked_for(self._environment) else self._local

    def _recorded(self) -> Provider:
        """What made the control plane that this directory holds."""
        try:
            record = json.loads(self._layout.record.read_text())
        except (OSError, ValueError):
            return self._local
        return self._kind if record.get("provider") == "kind" else self._local

    def _found(self) -> Access | None:
        """How the one that runs is reached, if it is of the kind that is asked for."""
        asked = self._asked_for()
        return asked.running() if asked is self._recorded() else None

    def _end(self) -> None:
        self._recorded().halt()
        self._access = None
        layout = self._layout
        for file in (layout.kubeconfig, layout.operator_kubeconfig, layout.record):
            file.unlink(missing_ok=True)
        for directory in (layout.etcd, layout.pki, layout.people, layout.home / "kubectl"):
            shutil.rmtree(directory, ignore_errors=True)
