"""Where things are: the checkout, its state directory, and the cache that all checkouts share."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
"""The root of this checkout."""

MODULE = Path(__file__).resolve().parent / "controlplane"
"""The Go module that pins what is built."""

CONTROLLERS = Path(__file__).resolve().parent / "controllers"
"""The Go module that pins kube-controller-manager: of the same Kubernetes, and needed by few tests."""

HELM = Path(__file__).resolve().parent / "helm"
"""The Go module that pins Helm."""


@dataclass(frozen=True)
class Layout:
    """The files of one local control plane, all below one directory that nothing else needs."""

    root: Path

    @property
    def home(self) -> Path:
        """What the control plane itself keeps: data, keys, logs and pid files."""
        return self.root / "controlplane"

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig of a person who is cluster-admin."""
        return self.root / "kubeconfig"

    @property
    def operator_kubeconfig(self) -> Path:
        """The kubeconfig of the operator's service account."""
        return self.root / "operator.kubeconfig"

    @property
    def pki(self) -> Path:
        """The certificates and keys."""
        return self.home / "pki"

    @property
    def logs(self) -> Path:
        """The servers' logs, which outlive the servers."""
        return self.home / "logs"

    @property
    def etcd(self) -> Path:
        """The data of etcd."""
        return self.home / "etcd"

    @property
    def people(self) -> Path:
        """The kubeconfigs of further persons."""
        return self.home / "people"

    @property
    def record(self) -> Path:
        """Which kind of control plane was started, and where it listens."""
        return self.home / "cluster.json"

    def pid_file(self, name: str) -> Path:
        """The file that names the running process of this server."""
        return self.home / f"{name}.pid"


def state_directory(environment: Mapping[str, str]) -> Path:
    """The state directory: `WATCHBILL_DEV_DIR`, else `.dev` in this checkout."""
    named = environment.get("WATCHBILL_DEV_DIR")
    return Path(named).resolve() if named else REPOSITORY / ".dev"


def cache_root(environment: Mapping[str, str]) -> Path:
    """The cache that all checkouts of one user share."""
    named = environment.get("XDG_CACHE_HOME")
    return (Path(named) if named else Path.home() / ".cache") / "watchbill"


def build_directory(environment: Mapping[str, str], module: Path = MODULE) -> Path:
    """Where the binaries of exactly this Go module are kept."""
    digest = hashlib.sha256()
    for name in ("go.mod", "go.sum"):
        digest.update((module / name).read_bytes())
    return cache_root(environment) / module.name / digest.hexdigest()[:16]
