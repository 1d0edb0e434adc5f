"""`watchbill run`: the operator itself."""

import asyncio
import os
from typing import Annotated

import typer

from watchbill.shell.app import App
from watchbill.shell.credentials import Credentials, LoginError, log_in
from watchbill.shell.health import CannotListen
from watchbill.shell.logs import configure_logs
from watchbill.shell.settings import Settings, address, connection_key, default_identity


def run(
    identity: Annotated[str, typer.Option(help="The name under which this process holds the lease.")] = "",
    namespace: Annotated[str, typer.Option(help="The operator's own namespace.")] = "watchbill",
    service_account: Annotated[str, typer.Option(help="The operator's service account.")] = "watchbill",
    health_address: Annotated[
        str, typer.Option(help="Where /livez, /readyz and /metrics are served.")
    ] = ":8081",
    last_resort: Annotated[
        str, typer.Option(help="The namespace/name of the Connection that is paged when nothing else can be.")
    ] = "",
    log_level: Annotated[str, typer.Option(help="DEBUG, INFO, WARNING or ERROR.")] = "INFO",
) -> None:
    """Run the operator against $KUBECONFIG, or in a cluster as the pod's service account."""
    try:
        configure_logs(log_level.upper())
        settings = Settings(
            identity=identity or default_identity(),
            namespace=namespace,
            service_account=service_account,
            health_address=address(health_address),
            last_resort=connection_key(last_resort),
        )
        credentials = log_in(os.environ)
    except (LoginError, ValueError) as error:
        raise typer.BadParameter(str(error)) from error
    try:
        asyncio.run(_run(settings, credentials))
    except CannotListen as error:
        raise typer.BadParameter(str(error), param_hint="--health-address") from error


async def _run(settings: Settings, credentials: Credentials) -> None:
    await App(credentials, settings).run()
