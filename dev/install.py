"""Installs CRDs, roles and admission policies, and returns only once they are in force."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev import probe
from dev.access import Access
from dev.client import UNREACHABLE, Answer, Client
from dev.errors import DevError
from dev.kubeconfigs import ADMIN, token_kubeconfig
from dev.layout import Layout
from dev.waiting import wait_until

CRDS, ROLES, POLICIES = "crds", "config/rbac", "config/admission"
"""Where the manifests are, in the order in which they are applied."""

ACCOUNT = Path(__file__).resolve().parent / "manifests" / "operator.yaml"
OPERATOR = "system:serviceaccount:watchbill:watchbill"
IN_FORCE_SECONDS = 60.0
TOKEN_SECONDS = 7 * 24 * 3600
"""How long the operator's token holds; `up` on a running control plane writes a new one."""

_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_TOKEN = "/api/v1/namespaces/watchbill/serviceaccounts/watchbill/token"


@dataclass(frozen=True)
class Manifests:
    """The checkout, or another folder laid out like it, whose manifests are installed."""

    root: Path

    def require(self) -> None:
        """Raises DevError naming each folder that has no manifests."""
        empty = [folder for folder in (CRDS, ROLES, POLICIES) if not any((self.root / folder).glob("*.yaml"))]
        if empty:
            raise DevError(
                f"{self.root} has no manifests in {' and '.join(f'{name}/' for name in empty)}; "
                "run `make generate` first."
            )

    def fill_in_authors(self) -> bool:
        """True when a mutating policy is among the manifests."""
        files = (self.root / POLICIES).glob("*.yaml")
        return any("kind: MutatingAdmissionPolicy\n" in file.read_text() for file in files)


def install(access: Access, kubectl: Path, layout: Layout, manifests: Manifests) -> None:
    """Applies the manifests and returns once the probes have seen them in force."""
    admin = access.client()
    apply(kubectl, layout, [ACCOUNT, manifests.root / CRDS, manifests.root / ROLES])
    wait_until(lambda: _unserved(admin), IN_FORCE_SECONDS)
    # Policies come after the CRDs that they take parameters from: the API server remembers for
    # half a minute which kinds there were when it first met a policy.
    apply(kubectl, layout, [manifests.root / POLICIES])
    token = _operator_token(admin)
    token_kubeconfig(access, layout.operator_kubeconfig, OPERATOR, token)
    operator = Client(access.url, access.anonymous_context(), token)
    wait_until(lambda: probe.operator_sees_no_incidents(operator), IN_FORCE_SECONDS)
    wait_until(lambda: probe.false_name_is_let_through(admin), IN_FORCE_SECONDS)
    if manifests.fill_in_authors():
        wait_until(lambda: probe.author_is_not_filled_in(admin, ADMIN), IN_FORCE_SECONDS)


def apply(kubectl: Path, layout: Layout, paths: list[Path]) -> None:
    """Applies these files and folders in one call; raises DevError with what kubectl said."""
    command = [str(kubectl), f"--kubeconfig={layout.kubeconfig}"]
    command += [f"--cache-dir={layout.home / 'kubectl'}", "apply", "--server-side"]
    command += ["--force-conflicts", "--field-manager=watchbill-dev"]
    command += [f"--filename={path}" for path in paths]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise DevError(f"The manifests were not applied: {answer.stderr.strip()[:2000]}")


def _unserved(admin: Client) -> str | None:
    """Which CRD is not served yet, or None: established, and found by who asks for the group."""
    for crd in _get(admin, _CRDS).body.get("items", []):
        spec, name = crd["spec"], crd["metadata"]["name"]
        version = next(each["name"] for each in spec["versions"] if each["served"])
        found = _get(admin, f"/apis/{spec['group']}/{version}").body.get("resources", [])
        plural = spec["names"]["plural"]
        if not _established(crd) or plural not in [each["name"] for each in found]:
            return f"the CRD {name} is not served."
    return None


def _established(crd: dict[str, Any]) -> bool:
    # A server that has just taken it says null.
    conditions = crd.get("status", {}).get("conditions") or []
    return any(each["type"] == "Established" and each["status"] == "True" for each in conditions)


def _operator_token(admin: Client) -> str:
    wish = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest"}
    answer = admin.post(_TOKEN, {**wish, "spec": {"expirationSeconds": TOKEN_SECONDS}})
    if not answer.succeeded:
        raise DevError(f"The operator's token was refused: {answer.message}")
    return str(answer.body["status"]["token"])


def _get(admin: Client, path: str) -> Answer:
    try:
        return admin.get(path)
    except UNREACHABLE as error:
        raise DevError(f"kube-apiserver stopped answering: {error}") from error
