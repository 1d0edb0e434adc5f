"""`watchbill version`: which version this is."""

import typer

from watchbill import __version__
from watchbill.api.group import API_VERSION


def version() -> None:
    """Print the version, and that of the API."""
    typer.echo(f"watchbill {__version__} ({API_VERSION})")
