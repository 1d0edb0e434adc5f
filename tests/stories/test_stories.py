"""Every story in this folder comes out as it is told; the file's name is its sentence."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.stories.telling import told

STORIES = sorted(Path(__file__).parent.glob("*.yaml"))
KEYS = {"given", "then", "proves"}


def read(path: Path) -> dict[str, Any]:
    story: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert set(story) <= KEYS, f"{path.name} says {sorted(set(story) - KEYS)}"
    return story


def parameter(path: Path) -> Any:
    rows = read(path).get("proves", [])
    marks = [pytest.mark.feature(*rows)] if rows else []
    return pytest.param(path, id=path.stem.replace("-", " "), marks=marks)


@pytest.mark.parametrize("path", [parameter(path) for path in STORIES])
def test_the_story_comes_out(path: Path):
    told(read(path))


GIVEN = {"policy": ["primary for 5m: pagerduty", "lastResort backup"]}


@pytest.mark.parametrize(
    ("then", "message"),
    [
        ([{"at": "+0s", "expect": "nothing"}], "unexpected: .* page primary through pagerduty"),
        ([{"at": "+0s", "expect": "page primary through backup"}], "no such page"),
        (
            [{"at": "+0s", "expect": ["page primary through pagerduty", "nothing until +1h"]}],
            "unexpected: .* page lastResort through backup",
        ),
        (
            [{"at": "+0s", "expect": "page primary through pagerduty"}, {"at": "+6m", "expect": "nothing"}],
            "unexpected: .* page lastResort through backup",
        ),
        (
            [{"at": "+0s", "expect": ["page primary through pagerduty", "phase Resolved"]}],
            "is Triggered, not Resolved",
        ),
        ([{"at": "+0s", "do": "ana sings"}], "nobody knows how to do: ana sings"),
        ([{"at": "+0s", "expect": "a miracle"}], "nobody knows how to check: a miracle"),
    ],
)
def test_a_story_that_goes_otherwise_fails(then: list[Any], message: str):
    with pytest.raises(AssertionError, match=message):
        told({"given": GIVEN, "then": then})
