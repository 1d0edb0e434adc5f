"""Certificates and kubeconfigs that Kubernetes reads as the right user."""

import base64
import ssl
import stat
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID

from dev import pki
from dev.access import Access
from dev.kubeconfigs import person_kubeconfig, token_kubeconfig


@dataclass
class Somewhere:
    access: Access


@pytest.fixture
def cluster(tmp_path: Path) -> Somewhere:
    authority = pki.create_authority(tmp_path)
    admin = pki.issue_person(authority, tmp_path, "admin", ["system:masters"], "admin")
    return Somewhere(Access("https://127.0.0.1:6443", authority, admin, tmp_path / "people"))


def user_of(kubeconfig: Path) -> dict[str, str]:
    content = yaml.safe_load(kubeconfig.read_text())
    login: dict[str, str] = content["users"][0]["user"]
    return login


def test_a_person_is_the_common_name_and_the_groups_are_organizations(cluster: Somewhere) -> None:
    path = person_kubeconfig(cluster, "ana", ["oncall", "shop"])
    pem = base64.b64decode(user_of(path)["client-certificate-data"])
    certificate = x509.load_pem_x509_certificate(pem)
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    groups = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    assert [each.value for each in names] == ["ana"]
    assert [each.value for each in groups] == ["oncall", "shop"]
    authority = x509.load_pem_x509_certificate(cluster.access.authority.certificate.read_bytes())
    certificate.verify_directly_issued_by(authority)


def test_a_user_name_with_slashes_stays_in_the_directory_of_people(cluster: Somewhere) -> None:
    path = person_kubeconfig(cluster, "oidc:../ana")
    assert path.parent == cluster.access.people
    assert yaml.safe_load(path.read_text())["contexts"][0]["context"]["user"] == "oidc:../ana"


def test_keys_and_kubeconfigs_are_read_by_their_owner_only(cluster: Somewhere, tmp_path: Path) -> None:
    person_kubeconfig(cluster, "ana")
    token_kubeconfig(cluster.access, tmp_path / "operator.kubeconfig", "operator", "secret")
    pki.create_service_account_key(tmp_path)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 9
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_the_server_is_trusted_by_its_names_and_addresses(cluster: Somewhere, tmp_path: Path) -> None:
    pair = pki.issue_server(cluster.access.authority, tmp_path)
    certificate = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {"localhost", "kubernetes.default.svc"} <= set(names.get_values_for_type(x509.DNSName))
    addresses = [str(each) for each in names.get_values_for_type(x509.IPAddress)]
    assert addresses == ["127.0.0.1", "::1", "10.0.0.1"]


def test_the_context_carries_the_administrator_and_verifies_the_server(cluster: Somewhere) -> None:
    context = cluster.access.context()
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname


def test_the_key_of_service_accounts_is_one_that_kubernetes_reads(tmp_path: Path) -> None:
    pem = pki.create_service_account_key(tmp_path).read_bytes()
    assert pem.startswith(b"-----BEGIN EC PRIVATE KEY-----")
    serialization.load_pem_private_key(pem, password=None)
