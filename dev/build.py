"""Builds the control plane from the pinned Go module, one verified part after the other.

To move to another Kubernetes: name it and its etcd in `controlplane/go.mod`, write one `replace` line
for each `=> ./staging/` line of Kubernetes' own go.mod, and run `go mod tidy` there. Do the same in
`controllers/`, which is a module of its own so that who starts a control plane need not build it. Helm is
another one, 3 and 4 in one: name their versions in `helm/go.mod`, and run `go mod tidy` there.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dev.commands import run_in_part
from dev.errors import DevError
from dev.layout import CONTROLLERS, HELM, MODULE
from dev.locks import locked
from dev.progress import Progress
from dev.toolchain import REPRODUCIBLE, Go, go_for


def kubernetes_stamps(source: Path) -> dict[str, str]:
    """What makes a part of Kubernetes tell its version truthfully."""
    version = pinned_version("k8s.io/kubernetes", source)
    major, minor, _ = version.removeprefix("v").split(".", 2)
    values = {"gitVersion": version, "gitMajor": major, "gitMinor": minor}
    return {f"k8s.io/component-base/version.{key}": value for key, value in values.items()}


def helm_stamps(source: Path) -> dict[str, str]:
    """What makes Helm tell its version, and take a cluster it does not ask for the Kubernetes it knows."""
    minor = pinned_version("k8s.io/client-go", source).split(".")[1]
    stamps = {"helm.sh/helm/v3/internal/version.version": pinned_version("helm.sh/helm/v3", source)}
    for package in ("pkg/chartutil", "pkg/lint/rules"):
        stamps[f"helm.sh/helm/v3/{package}.k8sVersionMajor"] = "1"
        stamps[f"helm.sh/helm/v3/{package}.k8sVersionMinor"] = minor
    return stamps


def helm_4_stamps(source: Path) -> dict[str, str]:
    """What makes Helm 4 tell its version; that of the Kubernetes it knows it has from how it is built."""
    return {"helm.sh/helm/v4/internal/version.version": pinned_version("helm.sh/helm/v4", source)}


@dataclass(frozen=True)
class Part:
    """One binary: its name, the Go package it is built from, the module that dates it, and where it is."""

    name: str
    package: str
    module: str
    duration: str
    version_command: tuple[str, ...]
    source: Path = MODULE
    stamps: Callable[[Path], dict[str, str]] = kubernetes_stamps
    """The variables that the linker sets, for the Go module in this folder."""


PARTS = (
    Part("etcd", "go.etcd.io/etcd/server/v3", "go.etcd.io/etcd/server/v3", "40 s", ("--version",)),
    Part(
        "kube-apiserver",
        "k8s.io/kubernetes/cmd/kube-apiserver",
        "k8s.io/kubernetes",
        "4 min",
        ("--version",),
    ),
    Part(
        "kubectl",
        "k8s.io/kubernetes/cmd/kubectl",
        "k8s.io/kubernetes",
        "1 min",
        ("version", "--client"),
    ),
)
"""What is built, in this order, under the names that envtest uses."""

CONTROLLER_MANAGER = Part(
    "kube-controller-manager",
    "k8s.io/kubernetes/cmd/kube-controller-manager",
    "k8s.io/kubernetes",
    "2 min",
    ("--version",),
    CONTROLLERS,
)

HELM_CLIENT = Part(
    "helm",
    "helm.sh/helm/v3/cmd/helm",
    "helm.sh/helm/v3",
    "2 min",
    ("version", "--short"),
    HELM,
    helm_stamps,
)

HELM_4_CLIENT = Part(
    "helm4",
    "helm.sh/helm/v4/cmd/helm",
    "helm.sh/helm/v4",
    "1 min",
    ("version", "--short"),
    HELM,
    helm_4_stamps,
)


def build(
    directory: Path, environment: Mapping[str, str], progress: Progress, parts: Sequence[Part] = PARTS
) -> None:
    """Builds the parts that the directory lacks; finished parts survive an interrupted build."""
    with locked(directory / ".lock", progress, "waiting for the build of another checkout"):
        missing = [part for part in parts if not (directory / part.name).exists()]
        if not missing:
            return
        for left in directory.glob(".building-*"):
            shutil.rmtree(left)
        cache = directory.parent.parent
        go = go_for(MODULE, cache, environment, progress)
        with tempfile.TemporaryDirectory(prefix=".building-", dir=directory) as fresh:
            for part in missing:
                built = _build_part(part, go, Path(fresh), environment, progress)
                os.rename(built, directory / part.name)


def pinned_version(module: str, directory: Path = MODULE) -> str:
    """The version of a module that our go.mod requires, such as `v1.37.2`."""
    text = (directory / "go.mod").read_text()
    found = re.search(rf"^\s*(?:require )?{re.escape(module)} (v\S+)", text, re.MULTILINE)
    if found is None:
        raise DevError(f"{directory / 'go.mod'} does not require {module}.")
    return found[1]


def linker_flags(stamps: Mapping[str, str]) -> str:
    """The flags that strip a binary and set these variables."""
    return " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in stamps.items())])


def _build_part(part: Part, go: Go, fresh: Path, environment: Mapping[str, str], progress: Progress) -> Path:
    """The binary of this part, built and run once to see that it is what it should be."""
    target = fresh / part.name
    command = [str(go.executable), "build", "-mod=readonly", *REPRODUCIBLE]
    command += ["-ldflags", linker_flags(part.stamps(part.source))]
    command += ["-o", str(target), part.package]
    log = fresh.parent / f"{part.name}.log"
    label = f"building {part.name} (about {part.duration} on 2 cores)"
    with progress.part(label) as shown:
        run_in_part(
            command,
            shown,
            log,
            go.environment(environment),
            hint="see that the Go module proxy can be reached and the disk has 4 GB free",
            directory=part.source,
        )
        _verify(part, target)
    return target


def _verify(part: Part, binary: Path) -> None:
    """Raises DevError unless the binary runs and says the pinned version."""
    wanted = pinned_version(part.module, part.source).removeprefix("v")
    try:
        answer = subprocess.run([binary, *part.version_command], capture_output=True, text=True, check=False)
    except OSError as error:
        raise DevError(f"The {part.name} that was built does not run: {error}.") from error
    if wanted not in answer.stdout:
        said = json.dumps((answer.stdout + answer.stderr).strip()[:200])
        raise DevError(f"The {part.name} that was built should say {wanted} but says {said}.")
