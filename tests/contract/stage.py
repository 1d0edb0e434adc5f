"""Who stands behind whom: the caller, the proxy that fails, Prism, and the fake of a vendor."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dev.contract.fault_proxy import FaultProxy
from dev.contract.prism import prism
from dev.contract.tools import Tools
from dev.receiver import Receiver


@dataclass(frozen=True)
class Stage:
    """One vendor, held against its document."""

    receiver: Receiver
    checked: str
    """The origin at which every call, and every answer, is held against the document."""
    failing: FaultProxy
    """The same, with faults before it."""


@contextmanager
def stage(tools: Tools, document: Path, receiver: Receiver, path: str, directory: Path) -> Iterator[Stage]:
    """The fake, which the receiver plays below this path, behind Prism and the proxy that fails."""
    with (
        receiver,
        prism(tools, document, f"{receiver.url}{path}", directory) as checked,
        FaultProxy(tools, checked.url, directory) as failing,
    ):
        yield Stage(receiver, checked.url, failing)
