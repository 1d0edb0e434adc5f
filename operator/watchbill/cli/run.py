"""`watchbill run`: the operator itself."""

import gc
import importlib
import os
import sys
from datetime import timedelta
from typing import Annotated

import structlog
import typer
import uvloop

from watchbill.shell.app import App
from watchbill.shell.credentials import Credentials, LoginError, log_in
from watchbill.shell.health import CannotListen
from watchbill.shell.logs import configure_logs
from watchbill.shell.settings import (
    Settings,
    address,
    connection_key,
    default_identity,
    egress_policy,
    namespaces,
    secret_url,
    within,
)
from watchbill.shell.spans import Spans, is_asked_for, traced

SWITCH = 0.0005
"""Seconds after which kopf's thread and ours give way to each other; Python's 5 ms are long for a page."""

YOUNG = (10_000, 20, 20)
"""After how many new objects garbage is looked for; Python's own 700 take a tenth of a page's time."""

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


commands = typer.Typer(add_completion=False)


@commands.command()
def run(
    identity: Annotated[str, typer.Option(help="The name under which this process holds the lease.")] = "",
    namespace: Annotated[str, typer.Option(help="The operator's own namespace.")] = "watchbill",
    service_account: Annotated[str, typer.Option(help="The operator's service account.")] = "watchbill",
    watch_namespace: Annotated[list[str] | None, typer.Option(help="Works here alone; repeatable.")] = None,
    health_address: Annotated[
        str, typer.Option(help="Where /livez, /readyz and /metrics are served.")
    ] = ":8081",
    last_resort: Annotated[
        str, typer.Option(help="The namespace/name of the Connection that is paged when nothing else can be.")
    ] = "",
    overdue_after: Annotated[
        str, typer.Option(help="After how long what is due and not done counts as overdue.")
    ] = "60s",
    heartbeat_url: Annotated[
        str,
        typer.Option(
            envvar="WATCHBILL_HEARTBEAT_URL",
            help="What is asked for while pages get through; better set in the environment: it is a secret.",
        ),
    ] = "",
    heartbeat_interval: Annotated[str, typer.Option(help="How often; at most 60s.")] = "30s",
    test_page_connection: Annotated[
        str, typer.Option(help="The namespace/name of the Connection that test pages go through.")
    ] = "",
    test_page_every: Annotated[str, typer.Option(help="How often a test page is sent; at least 1m.")] = "24h",
    egress_deny_private: Annotated[
        bool, typer.Option("--egress-deny-private", help="Deny tenants' hosts that are not public.")
    ] = False,
    egress_allow: Annotated[
        list[str] | None, typer.Option(help="A CIDR, an address or a host that is allowed; repeatable.")
    ] = None,
    log_level: Annotated[str, typer.Option(help="DEBUG, INFO, WARNING or ERROR.")] = "INFO",
) -> None:
    """Run the operator against $KUBECONFIG, or in a cluster as the pod's service account."""
    try:
        configure_logs(log_level.upper())
        settings = Settings(
            identity=identity or default_identity(),
            namespace=namespace,
            service_account=service_account,
            watch_namespaces=namespaces(watch_namespace or ()),
            health_address=address(health_address),
            last_resort=connection_key(last_resort),
            overdue_after=within(overdue_after, SECOND, HOUR),
            heartbeat_url=secret_url(heartbeat_url),
            heartbeat_interval=within(heartbeat_interval, SECOND, MINUTE),
            test_page_connection=connection_key(test_page_connection),
            test_page_every=within(test_page_every, MINUTE, 1000 * HOUR),
            egress=egress_policy(egress_allow or (), deny_private=egress_deny_private),
        )
        credentials = log_in(os.environ)
    except (LoginError, ValueError) as error:
        raise typer.BadParameter(str(error)) from error
    _serve(settings, credentials)


def _serve(settings: Settings, credentials: Credentials) -> None:
    """Return once the operator was asked to stop; raises BadParameter where it cannot listen."""
    sys.setswitchinterval(SWITCH)
    # What was imported stays, and is not to be looked through for garbage again and again.
    gc.freeze()
    gc.set_threshold(*YOUNG)
    try:
        uvloop.run(_run(settings, credentials))
    except CannotListen as error:
        raise typer.BadParameter(str(error), param_hint="--health-address") from error


async def _run(settings: Settings, credentials: Credentials) -> None:
    spans = _spans()
    await App(credentials, settings, traced(spans) if spans is not None else None).run()
    if spans is not None:
        spans.close()


def _spans() -> Spans | None:
    """Where traces go; None where nobody asked for them, or they cannot be sent, which holds up no page."""
    if not is_asked_for(os.environ):
        return None
    try:
        found: Spans = importlib.import_module("watchbill.shell.otlp").spans(os.environ)
    except ImportError as error:
        structlog.get_logger("watchbill").warning(
            "no traces are sent: watchbill[tracing] is not installed", problem=str(error)
        )
        return None
    return found
