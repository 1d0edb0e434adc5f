"""Prism as a proxy: it lets through what the vendor's document allows, in both directions.

A wrong request gets a 4xx and is not sent on; a wrong answer becomes a 500. It tells wrong from right
only where it can compile the schema, and says nothing where it cannot: see `gate.py`.
"""

from pathlib import Path

from dev.contract.listening import Listening
from dev.contract.tools import Tools


def prism(tools: Tools, document: Path, upstream: str, directory: Path) -> Listening:
    """A proxy before the upstream that holds each call against the OpenAPI document."""
    program = tools.packages / "node_modules" / "@stoplight" / "prism-cli" / "dist" / "index.js"
    command = [str(tools.node), str(program), "proxy", "--errors", "--multiprocess=false"]
    command += ["--host=127.0.0.1", "--port=0", str(document.resolve()), upstream]
    return Listening("prism", command, directory)
