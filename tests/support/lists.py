"""A list of the API server as a whole, put together from its pages."""

from typing import Any, NamedTuple

from watchbill.shell.kube import PAGE, Kube


class Listing(NamedTuple):
    """All objects of a list, at one moment of the server."""

    items: list[dict[str, Any]]
    resource_version: str


async def listed(kube: Kube, path: str, limit: int = PAGE, metadata_only: bool = False) -> Listing:
    """Every object below the path; what pages of a list that was begun anew had before is left out."""
    items: list[dict[str, Any]] = []
    version = ""
    async for page in kube.pages(path, limit, metadata_only):
        items = page.items if page.begins else items + page.items
        version = page.resource_version
    return Listing(items, version)
