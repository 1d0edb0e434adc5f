"""The control plane for tests and the demo: a real etcd and kube-apiserver on this machine.

Belongs here: finding, building, starting and stopping it, and installing Watchbill's manifests.
Does not: anything that ships with the operator.
"""
