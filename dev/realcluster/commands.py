"""The command lines of the cluster's servers."""

from collections.abc import Mapping
from pathlib import Path

from dev.realcluster import addresses as at
from dev.realcluster.binaries import Binaries
from dev.realcluster.settings import Place

KUBELET_CLIENT = "kubelet-client"
"""The certificate by which the API server asks kubelet for logs and the like."""


def containerd(binaries: Binaries, place: Place) -> list[str]:
    """Starts containerd."""
    return [str(binaries.containerd / "containerd"), f"--config={place.file('containerd.toml')}"]


def etcd(binaries: Binaries, place: Place) -> list[str]:
    """Starts an etcd that does not wait for the disk: the cluster lives as long as its tests."""
    client, peer = f"http://127.0.0.1:{at.ETCD_PORT}", f"http://127.0.0.1:{at.ETCD_PEER_PORT}"
    return [
        str(binaries.assets.etcd),
        f"--name={at.NODE}",
        f"--data-dir={place.layout.etcd}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster={at.NODE}={peer}",
        "--log-level=warn",
        "--unsafe-no-fsync",
    ]


def apiserver(binaries: Binaries, place: Place) -> list[str]:
    """Starts kube-apiserver on the node's address, with all that a cluster's has."""
    pki = place.layout.pki
    tokens = pki / "service-accounts.key"
    return [
        str(binaries.assets.kube_apiserver),
        f"--etcd-servers=http://127.0.0.1:{at.ETCD_PORT}",
        f"--bind-address={at.ADDRESS}",
        f"--advertise-address={at.ADDRESS}",
        f"--secure-port={at.APISERVER_PORT}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        f"--client-ca-file={pki / 'ca.crt'}",
        f"--tls-cert-file={pki / 'apiserver.crt'}",
        f"--tls-private-key-file={pki / 'apiserver.key'}",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={tokens}",
        f"--service-account-signing-key-file={tokens}",
        f"--service-cluster-ip-range={at.SERVICES}",
        f"--audit-policy-file={place.file('audit.json')}",
        f"--audit-log-path={place.audit}",
        f"--kubelet-client-certificate={pki / f'{KUBELET_CLIENT}.crt'}",
        f"--kubelet-client-key={pki / f'{KUBELET_CLIENT}.key'}",
        f"--kubelet-certificate-authority={pki / 'ca.crt'}",
        "--kubelet-preferred-address-types=InternalIP",
        # Without these the other servers complain all the time that they cannot read them.
        f"--requestheader-client-ca-file={pki / 'ca.crt'}",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        "--allow-privileged=true",
    ]


def controller_manager(binaries: Binaries, place: Place, kubeconfigs: Mapping[str, Path]) -> list[str]:
    """Starts kube-controller-manager with every controller."""
    pki = place.layout.pki
    return [
        str(binaries.controller_manager),
        f"--kubeconfig={kubeconfigs['kube-controller-manager']}",
        "--secure-port=0",
        f"--root-ca-file={pki / 'ca.crt'}",
        f"--service-account-private-key-file={pki / 'service-accounts.key'}",
        "--use-service-account-credentials=true",
        f"--cluster-signing-cert-file={pki / 'ca.crt'}",
        f"--cluster-signing-key-file={pki / 'ca.key'}",
        "--leader-elect=false",
    ]


def scheduler(binaries: Binaries, kubeconfigs: Mapping[str, Path]) -> list[str]:
    """Starts kube-scheduler."""
    command = [str(binaries.node / "kube-scheduler"), f"--kubeconfig={kubeconfigs['kube-scheduler']}"]
    return [*command, "--secure-port=0", "--leader-elect=false"]


def kubelet(binaries: Binaries, place: Place, kubeconfigs: Mapping[str, Path]) -> list[str]:
    """Starts kubelet."""
    return [
        str(binaries.node / "kubelet"),
        f"--config={place.file('kubelet.json')}",
        f"--kubeconfig={kubeconfigs['kubelet']}",
        f"--hostname-override={at.NODE}",
        f"--node-ip={at.ADDRESS}",
        f"--root-dir={place.home / 'kubelet'}",
        f"--cert-dir={place.home / 'kubelet-pki'}",
    ]


def kube_proxy(binaries: Binaries, place: Place) -> list[str]:
    """Starts kube-proxy."""
    return [str(binaries.node / "kube-proxy"), f"--config={place.file('kube-proxy.json')}"]


def dns(binaries: Binaries, place: Place) -> list[str]:
    """Starts CoreDNS."""
    return [str(binaries.pods / "dns"), f"-conf={place.file('Corefile')}"]
