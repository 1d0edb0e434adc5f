"""The configuration files of containerd, the pods' network, kubelet, kube-proxy, CoreDNS and the audit."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev.install import OPERATOR
from dev.layout import Layout
from dev.realcluster import addresses as at


@dataclass(frozen=True)
class Place:
    """Where the servers of the node keep what they keep."""

    layout: Layout

    @property
    def home(self) -> Path:
        """The directory of the node's own files."""
        return self.layout.root / "node"

    @property
    def socket(self) -> Path:
        """The socket of containerd."""
        return self.home / "containerd.sock"

    @property
    def audit(self) -> Path:
        """What the operator's account asked of the API server, a JSON object a line."""
        return self.home / "audit.log"

    def file(self, name: str) -> Path:
        """A configuration file of the node."""
        return self.home / name


def write_settings(place: Place, runc: str, plugins: Path, kubeconfigs: Mapping[str, Path]) -> None:
    """Writes every file; `kubeconfigs` are those of kube-proxy and dns."""
    files = {
        "containerd.toml": containerd(place, runc, plugins),
        "cni/10-bridge.conflist": json.dumps(network(place)),
        "kubelet.json": json.dumps(kubelet(place)),
        "kube-proxy.json": json.dumps(kube_proxy(kubeconfigs["kube-proxy"])),
        "Corefile": corefile(kubeconfigs["dns"]),
        "audit.json": json.dumps(audit()),
    }
    for name, text in files.items():
        path = place.file(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def containerd(place: Place, runc: str, plugins: Path) -> str:
    """containerd that keeps everything below the node's directory, and scores no process for the OOM killer.

    Lowering a score takes CAP_SYS_RESOURCE, which a container or a small machine may lack.
    """
    home, cri = place.home, "plugins.'io.containerd.cri.v1"
    return f"""version = 4
root = '{home}/containerd/root'
state = '{home}/containerd/state'
[{cri}.images'.pinned_images]
  sandbox = '{at.SANDBOX}'
[{cri}.runtime']
  restrict_oom_score_adj = true
[{cri}.runtime'.containerd.runtimes.runc]
  runtime_type = 'io.containerd.runc.v2'
[{cri}.runtime'.containerd.runtimes.runc.options]
  BinaryName = '{runc}'
  SystemdCgroup = false
[{cri}.runtime'.cni]
  bin_dirs = ['{plugins}']
  conf_dir = '{home}/cni'
[plugins.'io.containerd.nri.v1.nri']
  disable = true
[plugins.'io.containerd.internal.v1.opt']
  path = '{home}/containerd/opt'
[plugins.'io.containerd.server.v1.grpc']
  address = '{place.socket}'
[plugins.'io.containerd.server.v1.ttrpc']
  address = '{place.socket}.ttrpc'
"""


def network(place: Place) -> dict[str, Any]:
    """The pods' network: one bridge, from which nothing is masqueraded, so that no pod leaves the machine."""
    ranges = [[{"subnet": at.PODS, "rangeStart": at.FIRST_POD}]]
    ipam = {"type": "host-local", "dataDir": str(place.home / "addresses"), "ranges": ranges}
    bridge = {"type": "bridge", "bridge": at.BRIDGE, "isGateway": True, "ipMasq": False, "hairpinMode": True}
    return {
        "cniVersion": "1.0.0",
        "name": at.NETWORK,
        "plugins": [
            bridge | {"ipam": ipam | {"routes": [{"dst": "0.0.0.0/0"}]}},
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }


def kubelet(place: Place) -> dict[str, Any]:
    """kubelet on the node's address alone, whom only the API server may ask."""
    pki = place.layout.pki
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": at.ADDRESS,
        "port": at.KUBELET_PORT,
        "healthzBindAddress": "127.0.0.1",
        "healthzPort": at.KUBELET_HEALTH_PORT,
        "readOnlyPort": 0,
        "containerRuntimeEndpoint": f"unix://{place.socket}",
        "podLogsDir": str(place.home / "podlogs"),
        "volumePluginDir": str(place.home / "volumeplugins"),
        "tlsCertFile": str(pki / "apiserver.crt"),
        "tlsPrivateKeyFile": str(pki / "apiserver.key"),
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "clusterDomain": "cluster.local",
        "clusterDNS": [at.ADDRESS],
        "resolvConf": "",
        "cgroupDriver": "cgroupfs",
        "failCgroupV1": False,
        "failSwapOn": False,
        "makeIPTablesUtilChains": False,
        "oomScoreAdj": 0,
        "maxOpenFiles": 20000,
        # A disk that others fill evicts no pod of a test.
        "evictionHard": {"memory.available": "200Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,
        "nodeStatusUpdateFrequency": "5s",
        "syncFrequency": "10s",
    }


def kube_proxy(kubeconfig: Path) -> dict[str, Any]:
    """kube-proxy that leaves the loopback address and the machine's connection tracking as they are."""
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "iptables": {"localhostNodePorts": False},
        "clientConnection": {"kubeconfig": str(kubeconfig)},
        "clusterCIDR": at.PODS,
        "hostnameOverride": at.NODE,
        "nodePortAddresses": [f"{at.ADDRESS}/32"],
        "healthzBindAddress": f"127.0.0.1:{at.PROXY_HEALTH_PORT}",
        "metricsBindAddress": f"127.0.0.1:{at.PROXY_METRICS_PORT}",
        "oomScoreAdj": 0,
        "conntrack": {
            "maxPerCore": 0,
            "min": 0,
            "tcpEstablishedTimeout": "0s",
            "tcpCloseWaitTimeout": "0s",
        },
    }


def corefile(kubeconfig: Path) -> str:
    """CoreDNS on the node's address, for the names of the cluster and no others."""
    return f""".:53 {{
  bind {at.ADDRESS}
  errors
  kubernetes cluster.local in-addr.arpa {{
    kubeconfig {kubeconfig}
  }}
  cache 5
}}
"""


def audit() -> dict[str, Any]:
    """An audit of what the operator's account asks for, and nobody else; not of what it sends."""
    return {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        # A watch is written down when it begins, as it may never end.
        "omitStages": ["RequestReceived"],
        "rules": [{"level": "Metadata", "users": [OPERATOR]}, {"level": "None"}],
    }
