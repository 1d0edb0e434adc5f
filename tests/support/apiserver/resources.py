"""What the server serves, and what it treats differently in one kind than in another."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from watchbill.api.group import GROUP, VERSION
from watchbill.api.kinds import KINDS

Body = dict[str, Any]


@dataclass(frozen=True, eq=False, slots=True)
class Resource:
    """One kind, as the server serves it."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    custom: bool = False
    """A CRD defines it: it counts generations, keeps its status apart, and its lists name each kind."""
    unconditional: bool = False
    """It can be replaced without saying which version is meant."""
    created_by_put: bool = False
    """A PUT of one that is not there creates it."""
    defaults: Mapping[str, object] | None = None
    """What a new one has that does not say otherwise."""
    short_names: tuple[str, ...] = ()
    selectable: tuple[str, ...] = ()
    """The fields that lists can be selected by, besides those of the metadata."""

    @property
    def api_version(self) -> str:
        """The apiVersion of its objects."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def subresources(self) -> tuple[str, ...]:
        """What of one object is written apart from it."""
        return ("status",) if self.custom else ("finalize",) if self.kind == "Namespace" else ()

    @property
    def identity(self) -> Body:
        """How its objects say what they are."""
        return {"apiVersion": self.api_version, "kind": self.kind}

    @property
    def qualified_plural(self) -> str:
        """Its name in messages about one object of it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def qualified_kind(self) -> str:
        """Its name in messages about what is wrong within an object."""
        return f"{self.kind}.{self.group}" if self.group else self.kind

    def key(self, namespace: str, name: str) -> str:
        """Where an object is kept; lists are in the order of these."""
        return f"{namespace}/{name}" if self.namespaced else name


NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False, unconditional=True)

RESOURCES = (
    *(
        Resource(
            GROUP,
            VERSION,
            kind.plural,
            kind.name,
            namespaced=kind.scope == "Namespaced",
            custom=True,
            short_names=kind.short_names,
            selectable=tuple(path.removeprefix(".") for path in kind.selectable),
        )
        for kind in KINDS
    ),
    NAMESPACES,
    Resource("", "v1", "secrets", "Secret", unconditional=True, defaults={"type": "Opaque"}),
    Resource(
        "",
        "v1",
        "events",
        "Event",
        unconditional=True,
        created_by_put=True,
        defaults={"eventTime": None},
    ),
    Resource("coordination.k8s.io", "v1", "leases", "Lease", created_by_put=True),
)

_BY_PATH = {(each.group, each.version, each.plural): each for each in RESOURCES}
_BUILT_IN = {(each.group, each.version) for each in RESOURCES if not each.custom}


def find(group: str, version: str, plural: str) -> Resource | None:
    """What is served there."""
    return _BY_PATH.get((group, version, plural))


def is_built_in(group: str, version: str) -> bool:
    """Whether the group is Kubernetes' own: it says otherwise that it does not know something."""
    return (group, version) in _BUILT_IN
