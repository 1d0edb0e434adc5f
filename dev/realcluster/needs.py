"""What this machine must have before a cluster is started on it: what is missing, a sentence each."""

import contextlib
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from dev.errors import DevError

IMAGE_TOOLS = {"buildah": "buildah", "mmdebstrap": "mmdebstrap", "runc": "runc"}
NODE_TOOLS = IMAGE_TOOLS | {"ip": "iproute2", "iptables": "iptables", "conntrack": "conntrack"}
"""Each command that is called, and the Debian package that brings it."""

PLUGIN_DIRECTORIES = (Path("/usr/lib/cni"), Path("/opt/cni/bin"))
PLUGINS = ("bridge", "host-local", "loopback", "portmap")
CGROUPS = Path("/sys/fs/cgroup")


def require_image_tools(environment: Mapping[str, str]) -> None:
    """Raises DevError naming all that building an image lacks."""
    _require([*_of_the_machine(), *_commands(IMAGE_TOOLS, environment)])


def require_node(environment: Mapping[str, str]) -> None:
    """Raises DevError naming all that a node and its images lack."""
    _require([*_of_the_machine(), *_commands(NODE_TOOLS, environment), *_cgroups(), *_plugins()])


def require_alone() -> None:
    """Raises DevError where a node of another cluster runs here, whose rules would go with ours."""
    for path in Path("/proc").glob("[0-9]*/comm"):
        with contextlib.suppress(OSError):
            if (name := path.read_text().strip()) in ("kubelet", "kube-proxy"):
                raise DevError(
                    f"A {name} runs here as process {path.parent.name}; a machine can hold one node."
                )


def plugin_directory() -> Path | None:
    """Where the CNI plugins are, or None where no directory has all of them."""
    whole = (each for each in PLUGIN_DIRECTORIES if all((each / name).exists() for name in PLUGINS))
    return next(whole, None)


def _require(missing: list[str]) -> None:
    if missing:
        raise DevError("\n".join(dict.fromkeys(missing)))


def _of_the_machine() -> list[str]:
    if sys.platform != "linux":
        return [f"A cluster of processes needs Linux; this is {sys.platform}."]
    return [] if os.geteuid() == 0 else ["A cluster of processes needs root: run this as root."]


def _commands(tools: Mapping[str, str], environment: Mapping[str, str]) -> list[str]:
    path = environment.get("PATH")
    return [
        f"`{command}` is not on the path; Debian has it in the package {package}."
        for command, package in tools.items()
        if shutil.which(command, path=path) is None
    ]


def _cgroups() -> list[str]:
    if (CGROUPS / "cgroup.controllers").exists() or (CGROUPS / "memory").is_dir():
        return []
    return [f"No cgroups are mounted at {CGROUPS}; containers need those of cpu, memory and pids."]


def _plugins() -> list[str]:
    if plugin_directory() is not None:
        return []
    places = " or ".join(str(each) for each in PLUGIN_DIRECTORIES)
    return [f"No CNI plugins are in {places}; Debian has them in containernetworking-plugins."]
