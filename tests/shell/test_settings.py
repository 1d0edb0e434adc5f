"""The options of `watchbill run`, read once."""

import os
from datetime import timedelta

import pytest

from watchbill.core.effects import ConnectionKey
from watchbill.shell.settings import (
    Settings,
    address,
    connection_key,
    default_identity,
    namespaces,
    secret_url,
    within,
)

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


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


def test_a_namespace_that_is_named_twice_is_worked_in_once():
    assert namespaces(["shop", "bank", "shop"]) == ("shop", "bank")
    assert namespaces([]) == ()


@pytest.mark.parametrize("name", ["", "Shop", "a/b", "-shop", "a" * 64])
def test_a_name_that_no_namespace_has_is_refused_and_never_taken_for_all(name: str):
    with pytest.raises(ValueError, match="not the name of a namespace"):
        namespaces(["shop", name])


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


def test_a_duration_keeps_its_bounds():
    assert [within(text, SECOND, MINUTE) for text in ("1s", "1m")] == [SECOND, MINUTE]


@pytest.mark.parametrize(
    ("text", "said"),
    [("999ms", "between 1s and 1m"), ("61s", "between 1s and 1m"), ("soon", "not a duration"), ("", "not a")],
)
def test_anything_else_is_no_duration(text: str, said: str):
    with pytest.raises(ValueError, match=said):
        within(text, SECOND, MINUTE)


@pytest.mark.parametrize("text", ["", "https://beats.example.com/ping/3f2a", "http://127.0.0.1:8000/beat"])
def test_a_url_that_is_a_secret_is_taken(text: str):
    assert secret_url(text) == text


@pytest.mark.parametrize("text", ["beats.example.com/s3cret", "ftp://example.com/s3cret", "https:// s3cret"])
def test_what_is_no_url_is_not_quoted(text: str):
    with pytest.raises(ValueError, match="heartbeat") as raised:
        secret_url(text)
    assert "s3cret" not in str(raised.value)


def test_settings_that_are_shown_hold_no_secret():
    settings = Settings(identity="a", heartbeat_url="https://beats.example.com/s3cret")
    assert "s3cret" not in repr(settings)
