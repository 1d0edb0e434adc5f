"""`watchbill run` says at once what it cannot run with."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from watchbill.cli import run as command
from watchbill.cli.main import app
from watchbill.core.effects import ConnectionKey
from watchbill.core.egress import EgressPolicy
from watchbill.shell.logs import configure_logs
from watchbill.shell.settings import Settings

URL = "https://beats.example.com/ping/s3cret"
KUBECONFIG = """
current-context: here
contexts: [{name: here, context: {cluster: here, user: me}}]
clusters: [{name: here, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: me, user: {token: a-token}}]
"""


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """The settings that an operator was started with, in an environment that has a way to log in."""
    (tmp_path / "kubeconfig").write_text(KUBECONFIG)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    monkeypatch.delenv("POD_UID", raising=False)
    monkeypatch.setattr(command, "configure_logs", checked(configure_logs))
    found: list[Settings] = []

    class Instead:
        def __init__(self, credentials: Any, settings: Settings, surroundings: Any) -> None:
            found.append(settings)

        async def run(self) -> None:
            """Return at once."""

    monkeypatch.setattr(command, "App", Instead)
    return found


def checked(configure: Callable[..., None]) -> Callable[[str], None]:
    """What refuses an unknown level as the logging library does, and leaves the tests' logs alone."""

    def check(level: str) -> None:
        if level not in ("DEBUG", "INFO", "WARNING", "ERROR"):
            raise ValueError(f"Unknown level: {level!r}")

    return check


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["run", *arguments], env={"COLUMNS": "200"})


def test_it_runs_without_any_option(started: list[Settings]):
    answer = run()
    assert answer.exit_code == 0, answer.output
    (settings,) = started
    assert settings == Settings(settings.identity), "the defaults of the options are those of the settings"
    assert (settings.namespace, settings.health_address, settings.last_resort) == ("watchbill", ":8081", None)
    assert (settings.heartbeat_url, settings.test_page_connection) == ("", None)
    assert settings.identity


def test_every_option_arrives(started: list[Settings]):
    options = {
        "--identity": "one",
        "--namespace": "ops",
        "--service-account": "robot",
        "--health-address": "127.0.0.1:0",
        "--last-resort": "ops/pager",
        "--overdue-after": "2m",
        "--heartbeat-url": URL,
        "--heartbeat-interval": "20s",
        "--test-page-connection": "ops/test",
        "--test-page-every": "12h",
        "--egress-allow": "10.96.0.0/16",
        "--log-level": "debug",
    }
    more = ("--egress-deny-private", "--egress-allow", "prometheus.monitoring.svc")
    answer = run(*[word for pair in options.items() for word in pair], *more)
    assert answer.exit_code == 0, answer.output
    assert started == [
        Settings(
            identity="one",
            namespace="ops",
            service_account="robot",
            health_address="127.0.0.1:0",
            last_resort=ConnectionKey("ops", "pager"),
            overdue_after=timedelta(minutes=2),
            heartbeat_url=URL,
            heartbeat_interval=timedelta(seconds=20),
            test_page_connection=ConnectionKey("ops", "test"),
            test_page_every=timedelta(hours=12),
            egress=EgressPolicy.read(["10.96.0.0/16", "prometheus.monitoring.svc"]),
        )
    ]


def test_the_filter_of_egress_is_off_until_it_is_asked_for(started: list[Settings]):
    run()
    run("--egress-deny-private")
    assert [each.egress for each in started] == [None, EgressPolicy()]


def test_the_url_of_the_heartbeat_is_taken_from_the_environment_and_shown_nowhere(
    started: list[Settings], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("WATCHBILL_HEARTBEAT_URL", URL)
    assert run().exit_code == 0
    assert started[0].heartbeat_url == URL
    assert "s3cret" not in run("--help").output
    monkeypatch.setenv("WATCHBILL_HEARTBEAT_URL", "no s3cret URL")
    answer = run()
    assert answer.exit_code == 2
    assert "heartbeat" in answer.output
    assert "s3cret" not in answer.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--last-resort", "pager"), "namespace/name"),
        (("--egress-allow", "10.0.0.0/8"), "without --egress-deny-private"),
        (("--egress-deny-private", "--egress-allow", "10.0.0.1/8"), "no network, address or host name"),
        (("--health-address", "here"), "not an address"),
        (("--log-level", "loud"), "level"),
        (("--heartbeat-interval", "2m"), "between 1s and 1m"),
        (("--overdue-after", "0s"), "between 1s and 1h"),
        (("--test-page-connection", "pager"), "namespace/name"),
        (("--test-page-every", "10s"), "between 1m and"),
    ],
)
def test_what_it_cannot_run_with_is_told_before_it_starts(
    started: list[Settings], arguments: tuple[str, ...], said: str
):
    answer = run(*arguments)
    assert answer.exit_code == 2
    assert said in answer.output
    assert started == []


def test_without_a_way_to_log_in_it_says_what_to_do(
    started: list[Settings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "nowhere"))
    answer = run()
    assert answer.exit_code == 2
    assert "KUBECONFIG" in answer.output
