"""Where the login comes from, and what is said where there is none."""

import base64
import socket
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer

from watchbill.shell.credentials import IN_CLUSTER_SERVER, Credentials, LoginError, from_kubeconfig, log_in

CLUSTER = {"server": "https://api.example.com:6443/"}


def kubeconfig(path: Path, user: dict[str, Any], cluster: dict[str, Any] | None = None) -> Path:
    content = {
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": cluster or CLUSTER}],
        "users": [{"name": "u", "user": user}],
    }
    path.write_text(yaml.safe_dump(content))
    return path


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_the_current_context_is_used(tmp_path: Path):
    found = from_kubeconfig([kubeconfig(tmp_path / "config", {"token": "t"})])
    assert found.server == "https://api.example.com:6443"
    assert found.authorization() == "Bearer t"


def test_certificates_come_as_data_or_as_files_beside_the_kubeconfig(tmp_path: Path):
    (tmp_path / "key.pem").write_text("the key")
    user = {"client-certificate-data": encoded("the certificate"), "client-key": "key.pem"}
    cluster = CLUSTER | {"certificate-authority-data": encoded("the authority")}
    found = from_kubeconfig([kubeconfig(tmp_path / "config", user, cluster)])
    assert (found.certificate_pem, found.key_pem) == (b"the certificate", b"the key")
    assert found.ca_pem == "the authority"


def test_what_comes_first_counts_and_the_rest_is_filled_in(tmp_path: Path):
    first = tmp_path / "first"
    first.write_text(yaml.safe_dump({"users": [{"name": "u", "user": {"token": "first"}}]}))
    found = from_kubeconfig(
        [tmp_path / "absent", first, kubeconfig(tmp_path / "second", {"token": "second"})]
    )
    assert found.authorization() == "Bearer first"


@pytest.mark.parametrize("way", ["exec", "auth-provider", "username"])
def test_a_login_that_is_not_supported_is_named(tmp_path: Path, way: str):
    path = kubeconfig(tmp_path / "config", {way: {"command": "login"}})
    with pytest.raises(LoginError, match=f"logs in by {way}, which is not supported: use a token"):
        from_kubeconfig([path])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "cannot be read"),
        ("[]", "is not a kubeconfig"),
        ("users: []", "has no current-context"),
        ("current-context: gone", "has no context named 'gone'"),
    ],
)
def test_a_broken_kubeconfig_is_explained(tmp_path: Path, content: str, said: str):
    path = tmp_path / "config"
    path.write_text(content)
    with pytest.raises(LoginError, match=said):
        from_kubeconfig([path])


def test_a_file_that_the_kubeconfig_names_must_exist(tmp_path: Path):
    path = kubeconfig(tmp_path / "config", {"client-key": "absent.pem"})
    with pytest.raises(LoginError, match="client-key of the kubeconfig cannot be read"):
        from_kubeconfig([path])


def test_in_a_pod_its_service_account_is_used(tmp_path: Path):
    (tmp_path / "token").write_text("pod\n")
    found = log_in({}, account=tmp_path)
    assert (found.server, found.authorization()) == (IN_CLUSTER_SERVER, "Bearer pod")


def test_a_kubeconfig_that_is_named_comes_before_the_pods_account(tmp_path: Path):
    (tmp_path / "token").write_text("pod\n")
    path = kubeconfig(tmp_path / "config", {"token": "t"})
    assert log_in({"KUBECONFIG": str(path)}, account=tmp_path).authorization() == "Bearer t"


def test_without_any_login_it_is_said_what_to_do(tmp_path: Path):
    with pytest.raises(LoginError, match="set KUBECONFIG, or run in a pod"):
        log_in({"HOME": str(tmp_path)}, account=tmp_path)


def test_credentials_are_not_shown(tmp_path: Path):
    user = {"token": "s3cret", "client-key-data": encoded("s3cret")}
    found = from_kubeconfig([kubeconfig(tmp_path / "config", user)])
    assert "s3cret" not in repr(found)


async def test_a_path_that_is_dead_breaks_by_itself_within_15_seconds():
    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=bytes(10**7))

    application = web.Application()
    application.router.add_get("/", answer)
    async with (
        TestServer(application) as server,
        Credentials("").session(1) as session,
        session.get(server.make_url("/")) as found,
    ):
        assert found.connection is not None
        assert found.connection.transport is not None
        kept: socket.socket = found.connection.transport.get_extra_info("socket")
        names = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT")
        idle, interval, count = [kept.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in names]
        assert kept.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    assert idle + interval * count == 15
