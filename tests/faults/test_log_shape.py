"""What a whole operator logs, page by page: JSON, each line with the reconcile that it belongs to."""

import asyncio
import io
import json
import logging
import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import structlog

from tests.faults.stage import Stage
from tests.faults.team import CANARIES
from tests.faults.virtual_time import played
from tests.support.builders import target
from tests.support.vendor import response
from watchbill.providers.contract import Request, Response
from watchbill.shell.cache import ObjectKey
from watchbill.shell.logs import configure_logs

Line = dict[str, Any]


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    made = io.StringIO()
    configure_logs("DEBUG", made)
    yield made
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


async def two_pages_a_refusal_and_a_bug() -> None:
    """A vendor says back all that it was told; then the work at another incident raises."""
    stage = Stage()
    take = stage.vendors.take

    def repeat(request: Request, begun: float, by: str) -> Response:
        return response(401, json={"message": f"{request.url} {request.headers} {request.body!r}"})

    stage.furnish(("first", "5m", [target("pagerduty"), target("backup")]))
    await stage.open()
    await stage.rest(30)
    stage.vendors.take = repeat  # type: ignore[method-assign]  # what is tried
    stage.declare("cart")
    await stage.rest(10)
    stage.vendors.take = take  # type: ignore[method-assign]  # as it was
    await stage.rest(600)
    incidents = stage.operators[0].apps[-1].incidents

    async def broken(key: ObjectKey) -> timedelta | None:
        await asyncio.sleep(0)
        raise RuntimeError("a bug")

    incidents.reconcile = broken  # type: ignore[method-assign]  # what is tried
    stage.declare("search")
    await stage.rest(1)
    await stage.close()


@pytest.mark.convention(57)
def test_the_log_shape_is_json_with_the_reconcile_and_without_secrets(stream: io.StringIO):
    played(two_pages_a_refusal_and_a_bug)
    text = stream.getvalue()
    lines: list[Line] = [json.loads(line) for line in text.splitlines()]
    assert all(list(line)[:4] == ["ts", "level", "logger", "msg"] for line in lines)
    by_reconcile: defaultdict[str, list[Line]] = defaultdict(list)
    for line in lines:
        if "controller" in line:
            assert re.fullmatch("[0-9a-f]{16}", line["reconcileID"])
            by_reconcile[line["reconcileID"]].append(line)
    objects = [{(each["controller"], each["name"]) for each in said} for said in by_reconcile.values()]
    assert all(len(each) == 1 for each in objects), "one reconcile is about one object"
    pages = [line for line in lines if line["msg"] == "attempted"]
    assert {line["reason"] for line in pages} >= {"HTTP401", ""}, "both a refusal and a success are told"
    assert all(line["reconcileID"] in by_reconcile for line in pages)
    first, second = pages[:2]
    assert first["reconcileID"] == second["reconcileID"], "one reconcile sent both"
    bugs = [line for line in lines if line["msg"].startswith("reconcile failed")]
    assert len({line["reconcileID"] for line in bugs}) == len(bugs) > 1, "each try is one of its own"
    assert {line["name"] for line in bugs} == {"search"}
    assert "RuntimeError: a bug" in bugs[0]["exception"]
    secrets = {value.rpartition("/")[2] for values in CANARIES.values() for value in values.values()}
    assert [value for value in secrets if value in text] == []
