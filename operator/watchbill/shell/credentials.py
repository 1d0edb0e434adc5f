"""Who we are to the API server: by a kubeconfig, or by the service account of the pod."""

import base64
import binascii
import os
import socket
import ssl
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
import yaml

TOKEN_AGE = 60.0
"""Seconds after which a token file is read again; the kubelet renews tokens well before they end."""

KEPT_ALIVE = (("TCP_KEEPIDLE", 9), ("TCP_KEEPINTVL", 3), ("TCP_KEEPCNT", 2))
"""The kernel asks after 9 s of silence, and twice 3 s apart: a dead path breaks in 15 s, with no request."""

IN_CLUSTER_SERVER = "https://kubernetes.default.svc"
ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class LoginError(Exception):
    """There is no way to log in; the message says what to do."""


@dataclass
class Credentials:
    """An API server and what it knows us by."""

    server: str
    ca_path: Path | None = None
    ca_pem: str | None = field(default=None, repr=False)
    certificate_pem: bytes | None = field(default=None, repr=False)
    key_pem: bytes | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    token_path: Path | None = None
    insecure: bool = False
    _read_at: float = field(default=float("-inf"), init=False, repr=False)

    def authorization(self) -> str | None:
        """The value of the Authorization header, or None; a token file is read again after 60 s."""
        if self.token_path is not None and time.monotonic() - self._read_at > TOKEN_AGE:
            try:
                self.token = self.token_path.read_text().strip()
            except OSError as error:
                if self.token is None:
                    raise LoginError(f"the token file {self.token_path} cannot be read: {error}") from error
            self._read_at = time.monotonic()
        return f"Bearer {self.token}" if self.token else None

    def reread(self) -> bool:
        """Whether the token was read anew since, after the server refused the old one."""
        self._read_at = float("-inf")
        before = self.token
        return self.token_path is not None and self.authorization() != (before and f"Bearer {before}")

    def of_nobody(self) -> "Credentials":
        """The same API server, to which nothing is shown: each request must say by itself whose it is."""
        return replace(self, certificate_pem=None, key_pem=None, token=None, token_path=None)

    def session(
        self,
        limit: int,
        on_request: Callable[[], None] = lambda: None,
        on_answer: Callable[[int], None] = lambda status: None,
        *around: aiohttp.ClientMiddlewareType,
    ) -> aiohttp.ClientSession:
        """A session of the running loop that shows our credentials, with at most `limit` connections.

        `on_request` is called before each request, and `on_answer` with the status of each answer; `around`
        may change what is asked.
        """

        async def authorize(
            request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
        ) -> aiohttp.ClientResponse:
            on_request()
            if value := self.authorization():
                request.headers["Authorization"] = value
            answer = await handler(request)
            on_answer(answer.status)
            return answer

        connector = aiohttp.TCPConnector(
            limit=limit, ssl=self._context(), keepalive_timeout=60, socket_factory=kept_alive
        )
        return aiohttp.ClientSession(
            connector=connector,
            middlewares=(*around, authorize),
            headers={"User-Agent": "watchbill"},
        )

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.ca_path, cadata=self.ca_pem)
        # Authorities of clusters often lack the extensions that Python 3.13 and newer insist on.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if self.certificate_pem and self.key_pem:
            # The ssl module reads a certificate and its key from files only.
            with ExitStack() as files:
                paths = []
                for content in (self.certificate_pem, self.key_pem):
                    file = files.enter_context(tempfile.NamedTemporaryFile(buffering=0))
                    file.write(content)
                    paths.append(file.name)
                context.load_cert_chain(*paths)
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


def kept_alive(address: aiohttp.AddrInfoType) -> socket.socket:
    """A socket whose connection breaks within 15 s where nobody answers at its other end any more."""
    made = socket.socket(*address[:3])
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KEPT_ALIVE:
        # Other systems than Linux lack some of them.
        if (option := getattr(socket, name, None)) is not None:
            made.setsockopt(socket.IPPROTO_TCP, option, value)
    return made


def log_in(environment: Mapping[str, str], account: Path = ACCOUNT) -> Credentials:
    """The credentials of $KUBECONFIG, else of the pod, else of ~/.kube/config; or LoginError."""
    if named := environment.get("KUBECONFIG"):
        return from_kubeconfig([Path(path) for path in named.split(os.pathsep) if path])
    if (account / "token").exists():
        return Credentials(IN_CLUSTER_SERVER, ca_path=account / "ca.crt", token_path=account / "token")
    own = Path(environment.get("HOME", "")) / ".kube" / "config"
    if own.exists():
        return from_kubeconfig([own])
    raise LoginError(
        f"no way to log in: set KUBECONFIG, or run in a pod with a service account; {own} does not exist"
    )


def from_kubeconfig(paths: list[Path]) -> Credentials:
    """The credentials of the current context of kubeconfig files; what comes first counts."""
    files = [(path, _read(path)) for path in paths if path.exists()]
    if not files:
        raise LoginError(f"KUBECONFIG names no file that exists: {', '.join(map(str, paths))}")
    current = next((name for _, file in files if (name := file.get("current-context"))), None)
    if current is None:
        raise LoginError(f"{files[0][0]} has no current-context: kubectl config use-context sets it")
    context, _ = _named(files, "contexts", "context", current)
    cluster, cluster_home = _named(files, "clusters", "cluster", str(context.get("cluster", "")))
    user, user_home = _named(files, "users", "user", str(context.get("user", "")))
    for unsupported in ("exec", "auth-provider", "username"):
        if unsupported in user:
            raise LoginError(
                f"the user of context {current} logs in by {unsupported}, which is not supported: "
                "use a token or a client certificate, such as `kubectl create token` gives"
            )
    authority = _content(cluster, "certificate-authority", cluster_home)
    token_file = user.get("tokenFile")
    return Credentials(
        server=str(cluster.get("server", "")).rstrip("/"),
        ca_pem=authority.decode() if authority else None,
        certificate_pem=_content(user, "client-certificate", user_home),
        key_pem=_content(user, "client-key", user_home),
        token=user.get("token"),
        token_path=user_home / token_file if token_file else None,
        insecure=bool(cluster.get("insecure-skip-tls-verify", False)),
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise LoginError(f"{path} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise LoginError(f"{path} is not a kubeconfig")
    return content


def _named(
    files: list[tuple[Path, dict[str, Any]]], section: str, field_name: str, name: str
) -> tuple[dict[str, Any], Path]:
    """The entry of this name, and the folder that its relative paths start from."""
    for path, file in files:
        for entry in file.get(section) or []:
            if entry.get("name") == name:
                return entry.get(field_name) or {}, path.parent
    raise LoginError(f"{files[0][0]} has no {field_name} named {name!r}")


def _content(entry: Mapping[str, Any], name: str, home: Path) -> bytes | None:
    """What `<name>-data` holds or the file `<name>` names; None where neither is set."""
    try:
        if encoded := entry.get(f"{name}-data"):
            return base64.b64decode(encoded)
        return (home / entry[name]).read_bytes() if entry.get(name) else None
    except (OSError, binascii.Error) as error:
        raise LoginError(f"{name} of the kubeconfig cannot be read: {error}") from error
