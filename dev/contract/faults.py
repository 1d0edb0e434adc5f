"""Runs inside of mitmproxy, which calls the hooks: does to each request what was scripted for it."""

import asyncio
import json
from typing import Any

from mitmproxy import http

CONTROL = "/.faults"
"""What is PUT here is the list of faults for the next requests; `fault_proxy.py` does so."""

_LONGEST_SILENCE = 60.0


class Faults:
    """The faults that are still to happen."""

    def __init__(self) -> None:
        self._scripted: list[dict[str, Any]] = []

    async def request(self, flow: http.HTTPFlow) -> None:
        """Before a request is passed on."""
        if flow.request.path == CONTROL:
            self._scripted = json.loads(flow.request.content)
            _answer(flow, {"status": 204, "headers": {}, "body": ""})
        elif self._scripted:
            fault = self._scripted.pop(0)
            if fault["delivered"]:
                flow.metadata["fault"] = fault
            else:
                await _happen(flow, fault)

    async def response(self, flow: http.HTTPFlow) -> None:
        """After the vendor answered, and before the answer is passed on."""
        if fault := flow.metadata.pop("fault", None):
            await _happen(flow, fault)


async def _happen(flow: http.HTTPFlow, fault: dict[str, Any]) -> None:
    await asyncio.sleep(fault["delay"])
    if fault["kind"] == "silent":
        await asyncio.sleep(_LONGEST_SILENCE)
    if fault["kind"] in {"cut", "silent"}:
        flow.kill()
    elif fault["kind"] == "answer":
        _answer(flow, fault)


def _answer(flow: http.HTTPFlow, answer: dict[str, Any]) -> None:
    flow.response = http.Response.make(answer["status"], answer["body"], answer["headers"])


addons = [Faults()]
