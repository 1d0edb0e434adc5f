"""The options of `watchbill run`, read once."""

import os

import pytest

from watchbill.core.effects import ConnectionKey
from watchbill.shell.settings import Settings, address, connection_key, default_identity


def test_a_pod_is_known_by_its_uid_and_any_other_process_by_host_and_number(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("POD_UID", "the-pods-uid")
    assert default_identity() == "the-pods-uid"
    monkeypatch.delenv("POD_UID")
    assert default_identity().endswith(f"_{os.getpid()}")


def test_a_connection_is_named_with_its_namespace():
    assert connection_key("platform/pager") == ConnectionKey("platform", "pager")
    assert connection_key("") is None


@pytest.mark.parametrize("text", ["pager", "/pager", "platform/", "a/b/c", "/"])
def test_anything_else_is_no_connection(text: str):
    with pytest.raises(ValueError, match="namespace/name"):
        connection_key(text)


@pytest.mark.parametrize("text", [":8081", "127.0.0.1:0", "[::1]:8081", "localhost:65535"])
def test_an_address_is_a_host_or_none_and_a_port(text: str):
    assert address(text) == text


@pytest.mark.parametrize("text", ["", "8081", "host", "host:", "host:http", ":65536", ":-1"])
def test_anything_else_is_no_address(text: str):
    with pytest.raises(ValueError, match="address"):
        address(text)


def test_settings_do_not_change():
    with pytest.raises(AttributeError):
        Settings(identity="a").identity = "b"  # type: ignore[misc]  # that is what is tested
