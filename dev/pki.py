"""Certificates: an authority, the server's, and one for each person."""

import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SERVER_NAMES = (
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)
SERVER_ADDRESSES = ("127.0.0.1", "::1", "10.0.0.1")

_LIFETIME = datetime.timedelta(days=365)
_CLOCK_SKEW = datetime.timedelta(minutes=5)


@dataclass(frozen=True)
class KeyPair:
    """The files of one certificate and its key."""

    certificate: Path
    key: Path


def create_authority(directory: Path) -> KeyPair:
    """A new authority that signs the certificates of one control plane."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "watchbill-dev")])
    builder = _builder(name, name, key.public_key())
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
    builder = builder.add_extension(_usage(signs_certificates=True), True)
    return _write(directory, "ca", builder.sign(key, hashes.SHA256()), key)


def issue_server(authority: KeyPair, directory: Path, further_addresses: Sequence[str] = ()) -> KeyPair:
    """The serving certificate of kube-apiserver, also for these addresses."""
    names: list[x509.GeneralName] = [x509.DNSName(name) for name in SERVER_NAMES]
    names += [x509.IPAddress(ipaddress.ip_address(text)) for text in (*SERVER_ADDRESSES, *further_addresses)]
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kube-apiserver")])
    alternatives = x509.SubjectAlternativeName(names)
    return _issue(authority, directory, "apiserver", subject, alternatives)


def issue_person(authority: KeyPair, directory: Path, user: str, groups: Sequence[str], stem: str) -> KeyPair:
    """A client certificate that Kubernetes reads as this user in these groups."""
    organizations = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    common_name = x509.NameAttribute(NameOID.COMMON_NAME, user)
    return _issue(authority, directory, stem, x509.Name([*organizations, common_name]), None)


def create_service_account_key(directory: Path) -> Path:
    """A new key that signs the tokens of service accounts."""
    key = ec.generate_private_key(ec.SECP256R1())
    return _write_private(directory / "service-accounts.key", _pem_of_key(key))


def _issue(
    authority: KeyPair,
    directory: Path,
    stem: str,
    subject: x509.Name,
    alternatives: x509.SubjectAlternativeName | None,
) -> KeyPair:
    signer = x509.load_pem_x509_certificate(authority.certificate.read_bytes())
    signing_key = serialization.load_pem_private_key(authority.key.read_bytes(), password=None)
    if not isinstance(signing_key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise TypeError(f"{authority.key} is neither an EC nor an RSA key")
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(subject, signer.subject, key.public_key())
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
    builder = builder.add_extension(_usage(signs_certificates=False), True)
    purpose = ExtendedKeyUsageOID.CLIENT_AUTH
    if alternatives is not None:
        builder = builder.add_extension(alternatives, False)
        purpose = ExtendedKeyUsageOID.SERVER_AUTH
    builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), False)
    signer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key())
    builder = builder.add_extension(signer_key, False)
    return _write(directory, stem, builder.sign(signing_key, hashes.SHA256()), key)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + _LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _write(
    directory: Path, stem: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey
) -> KeyPair:
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    return KeyPair(
        _write_private(directory / f"{stem}.crt", pem),
        _write_private(directory / f"{stem}.key", _pem_of_key(key)),
    )


def _pem_of_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )


def _write_private(path: Path, content: bytes) -> Path:
    """The path, after its content was written so that only its owner can read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(content)
    return path
