"""Finds kube-apiserver, etcd, kubectl and what few tests need beside them, or has them built."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dev.build import CONTROLLER_MANAGER, HELM_4_CLIENT, HELM_CLIENT, PARTS, Part, build
from dev.errors import DevError
from dev.layout import CONTROLLERS, HELM, build_directory
from dev.progress import Progress


@dataclass(frozen=True)
class Assets:
    """The binaries, all in one directory under the names that envtest uses."""

    directory: Path

    @property
    def etcd(self) -> Path:
        """The database."""
        return self.directory / "etcd"

    @property
    def kube_apiserver(self) -> Path:
        """The API server."""
        return self.directory / "kube-apiserver"

    @property
    def kubectl(self) -> Path:
        """The client."""
        return self.directory / "kubectl"


def find_assets(environment: Mapping[str, str]) -> Assets | None:
    """The binaries of `KUBEBUILDER_ASSETS`, else those of our cache, else None."""
    named = environment.get("KUBEBUILDER_ASSETS")
    if named:
        return _assets_of_envtest(Path(named))
    cached = build_directory(environment)
    return None if _absent(cached) else Assets(cached)


def ensure_assets(environment: Mapping[str, str], progress: Progress) -> Assets:
    """The binaries, built from the pinned Go module where they are not found."""
    found = find_assets(environment)
    if found is not None:
        return found
    build(build_directory(environment), environment, progress)
    return Assets(build_directory(environment))


def find_controller_manager(environment: Mapping[str, str]) -> Path | None:
    """kube-controller-manager beside the binaries of `KUBEBUILDER_ASSETS`, else in our cache, else None."""
    named = environment.get("KUBEBUILDER_ASSETS")
    places = [Path(named).resolve()] if named else []
    for place in (*places, build_directory(environment, CONTROLLERS)):
        if os.access(place / CONTROLLER_MANAGER.name, os.X_OK | os.R_OK):
            return place / CONTROLLER_MANAGER.name
    return None


def ensure_controller_manager(environment: Mapping[str, str], progress: Progress) -> Path:
    """kube-controller-manager, built from the pinned Go module where it is not found."""
    found = find_controller_manager(environment)
    if found is not None:
        return found
    directory = build_directory(environment, CONTROLLERS)
    build(directory, environment, progress, (CONTROLLER_MANAGER,))
    return directory / CONTROLLER_MANAGER.name


def find_helm(environment: Mapping[str, str], part: Part = HELM_CLIENT) -> Path | None:
    """The Helm that is pinned, in our cache; None where it is not built. Any other may render otherwise."""
    binary = build_directory(environment, HELM) / part.name
    return binary if os.access(binary, os.X_OK | os.R_OK) else None


def ensure_helm(environment: Mapping[str, str], progress: Progress) -> Path:
    """Helm 3, with Helm 4 beside it, built from the pinned Go module where they are not found."""
    directory = build_directory(environment, HELM)
    build(directory, environment, progress, (HELM_CLIENT, HELM_4_CLIENT))
    return directory / HELM_CLIENT.name


def kind_is_asked_for(environment: Mapping[str, str]) -> bool:
    """True with `CLUSTER=kind`: who asks for kind gets kind, also where binaries are at hand."""
    asked = environment.get("CLUSTER", "")
    if asked not in {"", "kind"}:
        raise DevError(f"CLUSTER is {asked!r}; set it to kind, or leave it unset.")
    return asked == "kind"


def _assets_of_envtest(directory: Path) -> Assets:
    absent = _absent(directory)
    if absent:
        raise DevError(
            f"KUBEBUILDER_ASSETS names {directory}, which has no {' and no '.join(absent)}; "
            "install envtest's binaries there, or unset the variable."
        )
    return Assets(directory.resolve())


def _absent(directory: Path) -> list[str]:
    return [part.name for part in PARTS if not os.access(directory / part.name, os.X_OK | os.R_OK)]
