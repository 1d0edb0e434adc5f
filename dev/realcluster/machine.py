"""What a cluster changes on the machine beyond its own files, and how all of it is put back."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

from dev.realcluster import addresses as at
from dev.realcluster.settings import Place

SYSCTLS = ("net.ipv4.ip_forward", "vm.overcommit_memory", "kernel.panic", "kernel.panic_on_oops")
"""What kubelet sets, and the forwarding without which no pod reaches a service."""

LEASES = Path("/var/lib/cni/results")
"""Where CNI keeps which pod has which network namespace."""

SHIM = "containerd-shim-runc-v2"
SHIM_SOCKETS = Path("/run/containerd/s")
POD_LOGS = Path("/var/log/containers")
PLUGINS = Path("/var/lib/kubelet/device-plugins")
RUNC_STATES = Path("/run/containerd/runc/k8s.io")
CGROUPS = Path("/sys/fs/cgroup")
ENDS_WITHIN = 10.0


def prepare(place: Place, kube_proxy: Path) -> None:
    """Brings up the bridge, and remembers what is about to be changed, and who undoes it."""
    settings = {name: _sysctl(name).read_text().strip() for name in SYSCTLS}
    remembered = _remembered(place)
    remembered.parent.mkdir(parents=True, exist_ok=True)
    remembered.write_text(json.dumps({"sysctls": settings, "kube-proxy": str(kube_proxy)}))
    _run("ip", "link", "add", at.BRIDGE, "type", "bridge")
    _run("ip", "address", "add", f"{at.ADDRESS}/{at.PODS.partition('/')[2]}", "dev", at.BRIDGE)
    _run("ip", "link", "set", at.BRIDGE, "up")
    _sysctl("net.ipv4.ip_forward").write_text("1")


def is_changed(place: Place) -> bool:
    """True from `prepare` until the node's files are removed, also if this was interrupted in between."""
    return _remembered(place).exists()


def end_pods(place: Place) -> None:
    """Kills every container of the cluster with its shim, and waits until they are gone."""
    killed: list[int] = []
    for shim in _shims(place):
        # The shim first: it would take a new child for itself, and nobody else is told of these.
        for pid in (shim, *_descendants(shim)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            killed.append(pid)
    limit = time.monotonic() + ENDS_WITHIN
    while any(_lives(pid) for pid in killed) and time.monotonic() < limit:
        time.sleep(0.02)


def put_back(place: Place) -> None:
    """Takes away the cluster's mounts, network, rules and cgroups, and undoes what kubelet changed."""
    _release_networks()
    for mount in _mounts_below(place.layout.root):
        _run("umount", "--lazy", mount)
    changed = json.loads(_remembered(place).read_text())
    _run(changed["kube-proxy"], "--cleanup")
    _remove_chains()
    _run("ip", "link", "delete", at.BRIDGE)
    for name, value in changed["sysctls"].items():
        _sysctl(name).write_text(value)
    _remove_cgroups()
    _remove_traces(place.layout.root)


def _remembered(place: Place) -> Path:
    return place.file("changed.json")


def _sysctl(name: str) -> Path:
    return Path("/proc/sys", *name.split("."))


def _shims(place: Place) -> list[int]:
    """The shims whose containerd is ours."""
    return [
        pid
        for pid in (int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit())
        if (words := _command_line(pid)) and words[0].endswith(SHIM) and str(place.socket) in words
    ]


def _command_line(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []


def _descendants(pid: int) -> Iterable[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for child in map(int, children):
        yield child
        yield from _descendants(child)


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def _release_networks() -> None:
    """Removes the network namespaces of the pods, and what CNI keeps of them."""
    for lease in LEASES.glob(f"{at.NETWORK}-*"):
        namespace = str(json.loads(lease.read_text())["netns"])
        _run("umount", "--lazy", namespace)
        Path(namespace).unlink(missing_ok=True)
        sandbox = lease.name.removeprefix(f"{at.NETWORK}-").partition("-")[0]
        for each in LEASES.glob(f"*-{sandbox}-*"):
            each.unlink(missing_ok=True)


def _mounts_below(root: Path) -> list[str]:
    """The mounts below this directory, the innermost first."""
    points = (line.split()[1] for line in Path("/proc/mounts").read_text().splitlines())
    return sorted((each for each in points if each.startswith(f"{root}/")), reverse=True)


def _remove_chains() -> None:
    """Removes what kubelet and kube-proxy leave behind of their rules."""
    for command in ("iptables", "ip6tables"):
        for chain in ("INPUT", "OUTPUT"):
            _run(command, "--wait", "--delete", chain, "--jump", "KUBE-FIREWALL")
        chains = [("filter", "KUBE-FIREWALL")]
        chains += [(table, "KUBE-KUBELET-CANARY") for table in ("nat", "filter", "mangle")]
        for table, chain in chains:
            for change in ("--flush", "--delete-chain"):
                _run(command, "--wait", "--table", table, change, chain)


def _remove_cgroups() -> None:
    for top in (CGROUPS, *CGROUPS.iterdir()):
        tree = top / "kubepods"
        if not tree.is_dir():
            continue
        for directory, _, _ in os.walk(tree, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(directory)


def _remove_traces(root: Path) -> None:
    """Removes what is kept of our containers, sockets at which nobody listens, and what is empty then."""
    for state in RUNC_STATES.glob("*/state.json"):
        if str(root) in state.read_text():
            shutil.rmtree(state.parent)
    for path in (*SHIM_SOCKETS.glob("*"), PLUGINS / "kubelet.sock"):
        with socket.socket(socket.AF_UNIX) as caller, contextlib.suppress(OSError):
            if path.is_socket() and caller.connect_ex(str(path)) != 0:
                path.unlink()
    for link in POD_LOGS.glob("*"):
        if link.is_symlink() and link.readlink().is_relative_to(root):
            link.unlink()
    runs = (RUNC_STATES, RUNC_STATES.parent, SHIM_SOCKETS, SHIM_SOCKETS.parent)
    for directory in (*runs, POD_LOGS, PLUGINS, PLUGINS.parent, LEASES, LEASES.parent):
        with contextlib.suppress(OSError):
            directory.rmdir()


def _run(*command: str) -> None:
    """Runs a command whose failure means that there was nothing to do."""
    if shutil.which(command[0]) is not None:
        subprocess.run(command, capture_output=True, check=False)
