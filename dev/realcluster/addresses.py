"""The names, addresses and ports of the one cluster that a machine can hold."""

from pathlib import Path

ROOT = Path("/var/lib/watchbill-cluster")
"""All of its state: near the root, because the path of a socket has at most 107 bytes."""

BRIDGE = "watchbill0"
"""The bridge that carries the node's address and every pod's; nothing of the cluster leaves it."""

NODE = "watchbill"
NETWORK = "watchbill"
"""The name of the pods' network, by which what CNI keeps of it is found."""

ADDRESS = "10.77.0.1"
PODS = "10.77.0.0/24"
FIRST_POD = "10.77.0.10"
SERVICES = "10.97.0.0/24"
APISERVER_SERVICE = "10.97.0.1"

APISERVER_PORT = 36443
ETCD_PORT, ETCD_PEER_PORT = 32379, 32380
KUBELET_PORT, KUBELET_HEALTH_PORT = 10250, 30248
PROXY_HEALTH_PORT, PROXY_METRICS_PORT = 30256, 30249

SERVER = f"https://{ADDRESS}:{APISERVER_PORT}"

SANDBOX = "localhost/pause:1"
"""The image that holds the namespaces of each pod."""
