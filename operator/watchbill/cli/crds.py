"""`watchbill crds`: the CustomResourceDefinitions of this version."""

import typer

from watchbill.api.crd import crds as definitions
from watchbill.api.crd import render_yaml


def crds() -> None:
    """Print the CustomResourceDefinitions, as `kubectl apply --server-side -f -` takes them."""
    typer.echo(render_yaml(definitions()), nl=False)
