"""A proxy that fails on demand: mitmproxy, with `faults.py` in it."""

import json
import sys
import urllib.request
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from dev.contract.listening import Listening
from dev.contract.tools import Tools

_HOOKS = Path(__file__).resolve().with_name("faults.py")
_CONTROL = "/.faults"
_PROGRAM = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); from mitmproxy.tools.main import mitmdump as m; m()"
)


@dataclass(frozen=True)
class Fault:
    """What becomes of one request."""

    kind: Literal["slow", "cut", "silent", "answer"]
    """Nothing but the delay; the connection is closed; no answer comes; another answer comes."""
    delivered: bool = False
    """The vendor gets the request first, and its answer is lost."""
    delay: float = 0.0
    """Seconds before any of this."""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""


CUT_AFTER_DELIVERY = Fault("cut", delivered=True)
"""The crash that no retry table knows: it was done, and nobody was told."""


class FaultProxy:
    """Passes every request on, but does to the next ones what was scripted."""

    def __init__(self, tools: Tools, upstream: str, directory: Path) -> None:
        """A proxy before this origin, which keeps its files in the directory."""
        # Isolated from our own packages: both want a h11, and not the same.
        command = [sys.executable, "-I", "-S", "-u", "-c", _PROGRAM, str(tools.mitmproxy)]
        command += ["--mode", f"reverse:{upstream}@127.0.0.1:0", "--scripts", str(_HOOKS)]
        for option in (f"confdir={directory}", "connection_strategy=lazy", "flow_detail=0"):
            command += ["--set", option]
        self._process = Listening("mitmproxy", command, directory)

    @property
    def url(self) -> str:
        """The origin, once it listens."""
        return self._process.url

    def script(self, *scripted: Fault) -> None:
        """Do these to the next requests, one each, and forget what was scripted before."""
        body = json.dumps([asdict(fault) for fault in scripted]).encode()
        request = urllib.request.Request(f"{self.url}{_CONTROL}", body, method="PUT")
        with urllib.request.urlopen(request, timeout=10):
            pass

    def __enter__(self) -> Self:
        self._process.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.stop()
