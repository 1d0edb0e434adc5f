"""The command lines of etcd and kube-apiserver."""

import json
import socket
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from dev.assets import Assets
from dev.layout import Layout
from dev.pki import KeyPair

_ANONYMOUS = {
    "apiVersion": "apiserver.config.k8s.io/v1",
    "kind": "AuthenticationConfiguration",
    "anonymous": {
        "enabled": True,
        "conditions": [{"path": "/livez"}, {"path": "/readyz"}, {"path": "/healthz"}],
    },
}
"""Who shows no credentials may ask for health and nothing else."""


@dataclass(frozen=True)
class Ports:
    """The ports of one control plane, all on the loopback address."""

    apiserver: int
    etcd: int
    etcd_peer: int


def free_ports() -> Ports:
    """Three different ports that nothing listens on at this moment."""
    with ExitStack() as sockets:
        numbers = [_bound(sockets) for _ in range(3)]
    return Ports(*numbers)


def listens(port: int) -> bool:
    """True when something accepts connections on this port of the loopback address."""
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


def etcd_command(assets: Assets, layout: Layout, ports: Ports, durable: bool) -> list[str]:
    """Starts etcd; without `durable` it does not wait for the disk, which suits tests only."""
    client, peer = _loopback(ports.etcd), _loopback(ports.etcd_peer)
    command = [
        str(assets.etcd),
        "--name=watchbill-dev",
        f"--data-dir={layout.etcd}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=watchbill-dev={peer}",
        # A member without others need not wait a second before it elects itself.
        "--heartbeat-interval=20",
        "--election-timeout=100",
        "--log-level=warn",
    ]
    return command if durable else [*command, "--unsafe-no-fsync"]


def apiserver_command(
    assets: Assets, layout: Layout, ports: Ports, authority: KeyPair, serving: KeyPair
) -> list[str]:
    """Starts kube-apiserver on the loopback address, with RBAC and without any controllers.

    The ServiceAccount plugin is off because it waits for objects that a controller would make.
    """
    tokens = layout.pki / "service-accounts.key"
    return [
        str(assets.kube_apiserver),
        f"--etcd-servers={_loopback(ports.etcd)}",
        "--bind-address=127.0.0.1",
        f"--secure-port={ports.apiserver}",
        "--endpoint-reconciler-type=none",
        "--authorization-mode=RBAC",
        f"--authentication-config={_authentication(layout)}",
        "--disable-admission-plugins=ServiceAccount",
        f"--client-ca-file={authority.certificate}",
        f"--tls-cert-file={serving.certificate}",
        f"--tls-private-key-file={serving.key}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={tokens}",
        f"--service-account-signing-key-file={tokens}",
        "--service-cluster-ip-range=10.0.0.0/24",
    ]


def _authentication(layout: Layout) -> Path:
    path = layout.home / "authentication.json"
    path.write_text(json.dumps(_ANONYMOUS))
    return path


def _loopback(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def _bound(sockets: ExitStack) -> int:
    listener = sockets.enter_context(socket.socket())
    listener.bind(("127.0.0.1", 0))
    port: int = listener.getsockname()[1]
    return port
