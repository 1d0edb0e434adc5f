"""`watchbill policies`: the admission policies for an operator of this user name."""

from typing import Annotated

import typer

from watchbill.api.admission.manifests import policies as refusing
from watchbill.api.admission.manifests import stamps, to_yaml
from watchbill.api.group import DEFAULT_OPERATOR_USER


def policies(
    operator_user: Annotated[
        str,
        typer.Option(metavar="NAME", help="The operator's user name, which may act for chat users."),
    ] = DEFAULT_OPERATOR_USER,
    stamp: Annotated[
        bool,
        typer.Option(help="Fill in who acts; leave it out below Kubernetes 1.36."),
    ] = True,
) -> None:
    """Print the admission policies, as `kubectl apply -f -` takes them."""
    manifests = refusing(operator_user) + (stamps(operator_user) if stamp else [])
    typer.echo(to_yaml(manifests), nl=False)
