"""Builds the servers of a node from the Go modules that pin them, once for all checkouts.

To move to another version: name it in the `go.mod` of `node/`, `containerd/` or `pods/`, and run
`go mod tidy` there. `node/` goes with `dev/controlplane/`: the same Kubernetes, and the same `replace` lines.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dev.assets import Assets, ensure_assets, ensure_controller_manager
from dev.build import kubernetes_stamps, linker_flags
from dev.commands import run_in_part
from dev.layout import build_directory, cache_root
from dev.once import fill_once
from dev.progress import Part, Progress
from dev.toolchain import fetch_go, find_go

HERE = Path(__file__).resolve().parent
NODE, CONTAINERD, PODS = HERE / "node", HERE / "containerd", HERE / "pods"
HINT = "see that the Go module proxy can be reached and the disk has 4 GB free"

_KUBERNETES = "k8s.io/kubernetes"
_CONTAINERD = "github.com/containerd/containerd/v2/cmd"
PACKAGES = {
    NODE: [f"{_KUBERNETES}/cmd/{name}" for name in ("kubelet", "kube-proxy", "kube-scheduler")],
    CONTAINERD: [f"{_CONTAINERD}/{name}" for name in ("containerd", "containerd-shim-runc-v2", "ctr")],
    PODS: ["./dns", "./pause"],
}
"""What is built of each module, under the last part of its name."""


@dataclass(frozen=True)
class Binaries:
    """The servers of a node."""

    assets: Assets
    controller_manager: Path
    node: Path
    containerd: Path
    pods: Path


def ensure_binaries(environment: Mapping[str, str], progress: Progress) -> Binaries:
    """The binaries, each built where it is not found."""
    return Binaries(
        ensure_assets(environment, progress),
        ensure_controller_manager(environment, progress),
        *(_ensure(module, environment, progress) for module in PACKAGES),
    )


def ensure_pods(environment: Mapping[str, str], progress: Progress) -> Path:
    """The directory of `dns` and `pause`, built where they are not found."""
    return _ensure(PODS, environment, progress)


def _ensure(module: Path, environment: Mapping[str, str], progress: Progress) -> Path:
    home = build_directory(environment, module)
    home.parent.mkdir(parents=True, exist_ok=True)
    names = ", ".join(package.rpartition("/")[2] for package in PACKAGES[module])
    label = f"building {names} (1 to 3 min on 2 cores)"
    fill_once(home, label, progress, lambda target, part: _build(module, target, part, environment, progress))
    return home


def _build(
    module: Path, target: Path, part: Part, environment: Mapping[str, str], progress: Progress
) -> None:
    go = find_go(environment, module) or fetch_go(cache_root(environment), environment, progress)
    flags = linker_flags(kubernetes_stamps(module) if module == NODE else {})
    target.mkdir()
    command = [str(go.executable), "build", "-mod=readonly", "-trimpath", "-buildvcs=false"]
    command += ["-ldflags", flags, "-o", f"{target}/", *PACKAGES[module]]
    log = build_directory(environment, module).with_suffix(".log")
    run_in_part(command, part, log, go.environment(environment), HINT, module)
