"""The manifests as users type them, in `tests/acceptance`, and objects parsed from them."""

from pathlib import Path
from typing import Any

import yaml

from watchbill.api.group import API_VERSION
from watchbill.api.kinds import KINDS

ACCEPTANCE = Path(__file__).resolve().parent.parent / "acceptance"

SINK = "http://127.0.0.1:8080"
"""The origin of the server that plays the vendors, where no test gives another."""


def documents(name: str, sink: str = SINK) -> list[dict[str, Any]]:
    """The objects of one file, with its vendors at this origin."""
    return [each for each in yaml.safe_load_all(text(name, sink)) if each]


def text(name: str, sink: str = SINK) -> str:
    """The text of one file, with its vendors at this origin."""
    return (ACCEPTANCE / name).read_text(encoding="utf-8").replace("@SINK@", sink)


def parsed(document: dict[str, Any]) -> Any:
    """The object as its kind's model; raises ValidationError for an invalid one."""
    assert document["apiVersion"] == API_VERSION
    (kind,) = [kind for kind in KINDS if kind.name == document["kind"]]
    return kind.model.model_validate(document)
