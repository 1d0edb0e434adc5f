"""A control plane by kind, for those who have Docker and want its controllers too."""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from dev import pki
from dev.access import Access
from dev.assets import find_assets
from dev.commands import run_in_part
from dev.errors import DevError
from dev.kubeconfigs import ADMIN, ADMIN_GROUP
from dev.layout import Layout
from dev.progress import Progress


class KindProvider:
    """A kind cluster whose name is this checkout's own."""

    def __init__(self, layout: Layout, environment: Mapping[str, str], progress: Progress) -> None:
        self._layout = layout
        self._environment = environment
        self._progress = progress
        digest = hashlib.sha256(str(layout.root).encode()).hexdigest()[:8]
        self._name = f"watchbill-{digest}"

    @property
    def kubectl(self) -> Path:
        """The kubectl of our assets, else the one on the path."""
        assets = find_assets(self._environment)
        return self._tool("kubectl") if assets is None else assets.kubectl

    def prepare(self) -> None:
        """Finds kind, kubectl and a Docker engine that answers."""
        docker, _, _ = self._tool("docker"), self._tool("kind"), self.kubectl
        if self._run(docker, "info").returncode != 0:
            raise DevError("CLUSTER=kind needs a running Docker engine: start it and try again.")

    def serve(self) -> Access:
        """How the new cluster is reached, once kind has made it."""
        layout = self._layout
        layout.record.write_text(json.dumps({"provider": "kind", "name": self._name}))
        command = [str(self._tool("kind")), "create", "cluster", "--name", self._name, "--wait", "120s"]
        command += ["--kubeconfig", str(layout.home / "kind.kubeconfig")]
        layout.logs.mkdir(parents=True, exist_ok=True)
        hint = "see that kind can pull its node image"
        with self._progress.part(f"creating the kind cluster {self._name} (about 1 min)") as part:
            run_in_part(command, part, layout.logs / "kind.log", dict(self._environment), hint)
        for name in ("ca.crt", "ca.key"):
            self._copy_from_node(name)
        pki.issue_person(self._authority(), layout.pki, ADMIN, [ADMIN_GROUP], "admin")
        return self._access()

    def running(self) -> Access | None:
        """How the cluster is reached when it is ours and answers, or None."""
        try:
            record = json.loads(self._layout.record.read_text())
            access = self._access()
            answers = record.get("name") == self._name and access.client().get("/readyz").succeeded
        except (OSError, ValueError, KeyError):
            return None
        return access if answers else None

    def halt(self) -> None:
        """Deletes the cluster, where kind knows it."""
        if not self._layout.record.exists():
            return
        answer = self._run(self._tool("kind"), "delete", "cluster", "--name", self._name)
        if answer.returncode != 0:
            said = answer.stderr.strip()[-300:]
            raise DevError(f"kind could not delete the cluster {self._name}: {said}")

    def _copy_from_node(self, name: str) -> None:
        node = f"{self._name}-control-plane"
        answer = self._run(self._tool("docker"), "exec", node, "cat", f"/etc/kubernetes/pki/{name}")
        if answer.returncode != 0:
            raise DevError(f"The node {node} did not hand over {name}: {answer.stderr.strip()}")
        self._layout.pki.mkdir(parents=True, exist_ok=True)
        path = self._layout.pki / name
        path.touch(mode=0o600)
        path.write_text(answer.stdout)

    def _access(self) -> Access:
        text = (self._layout.home / "kind.kubeconfig").read_text()
        content: dict[str, Any] = yaml.safe_load(text)
        directory = self._layout.pki
        admin = pki.KeyPair(directory / "admin.crt", directory / "admin.key")
        url = str(content["clusters"][0]["cluster"]["server"])
        return Access(url, self._authority(), admin, self._layout.people)

    def _authority(self) -> pki.KeyPair:
        return pki.KeyPair(self._layout.pki / "ca.crt", self._layout.pki / "ca.key")

    def _tool(self, name: str) -> Path:
        found = shutil.which(name, path=self._environment.get("PATH"))
        if found is None:
            raise DevError(f"CLUSTER=kind needs `{name}` on the path: install it and try again.")
        return Path(found)

    def _run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [os.fspath(word) for word in command],
            env=dict(self._environment),
            capture_output=True,
            text=True,
            check=False,
        )
