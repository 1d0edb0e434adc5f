"""One form for all lines, and no secret in any of them."""

import io
import json
import logging
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import structlog

from watchbill.shell.logs import configure_logs


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in ("kopf.objects", "kopf.activities")}
    yield
    root.handlers[:], root.level = handlers, level
    for name, quiet in levels.items():
        logging.getLogger(name).setLevel(quiet)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.fixture
def stream() -> io.StringIO:
    made = io.StringIO()
    configure_logs("INFO", made, as_json=True, redact=lambda text: text.replace("s3cret", "[redacted]"))
    return made


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_has_its_keys_in_order_and_the_context_of_its_reconcile(stream: io.StringIO):
    structlog.contextvars.bind_contextvars(
        controller="incident", namespace="shop", name="cart", reconcileID="r-1"
    )
    structlog.get_logger("watchbill.shell.queue").info("paged", target="pager", generation=2, uid="u")
    (line,) = lines(stream)
    first = ["ts", "level", "logger", "msg", "controller", "namespace", "name", "uid", "generation"]
    assert list(line) == [*first, "reconcileID", "target"]
    assert line["ts"].endswith("Z")
    assert (line["level"], line["logger"], line["msg"]) == ("info", "watchbill.shell.queue", "paged")


def test_other_libraries_lines_look_the_same_and_kopfs_name_their_object(stream: io.StringIO):
    reference = {"namespace": "shop", "name": "cart", "uid": "u", "kind": "Incident"}
    logging.getLogger("kopf.objects").warning("odd %s", "event", extra={"k8s_ref": reference})
    (line,) = lines(stream)
    assert (line["logger"], line["msg"]) == ("kopf.objects", "odd event")
    assert (line["namespace"], line["name"], line["uid"]) == ("shop", "cart", "u")


def test_what_says_too_much_is_heard_from_warnings_on(stream: io.StringIO):
    logging.getLogger("kopf.objects").info("Handler succeeded.")
    logging.getLogger("aiohttp.access").info("GET /livez")
    structlog.get_logger("watchbill").debug("detail")
    assert lines(stream) == []


def test_secrets_are_taken_out_of_messages_values_and_tracebacks(stream: io.StringIO):
    log = structlog.get_logger("watchbill")
    token = "s3cret"
    try:
        raise ValueError(f"refused {token}")
    except ValueError:
        log.exception(
            "failed with s3cret", headers={"Authorization": ["Bearer s3cret"]}, odd=SimpleNamespace(a=token)
        )
    logging.getLogger("aiohttp").error("s3cret in %s", "s3cret")
    text = stream.getvalue()
    assert "s3cret" not in text
    assert text.count("[redacted]") >= 6
    assert "ValueError: refused [redacted]" in lines(stream)[0]["exception"]


def test_on_a_terminal_people_read_text(capsys: pytest.CaptureFixture[str]):
    stream = io.StringIO()
    configure_logs("INFO", stream, as_json=False)
    token = "s3cret"
    try:
        raise ValueError("refused")
    except ValueError:
        structlog.get_logger("watchbill").exception("failed", attempt=3)
    text = stream.getvalue()
    assert "failed" in text
    assert "ValueError: refused" in text
    assert token not in text


def test_a_stream_that_is_no_terminal_gets_json():
    stream = io.StringIO()
    configure_logs("INFO", stream)
    logging.getLogger("watchbill").info("hello")
    assert lines(stream)[0]["msg"] == "hello"
