"""The reference of the chart's values, made from the comments of values.yaml as helm-docs has them."""

import json
from collections.abc import Iterator

import yaml

from dev.chart import CHART
from dev.layout import REPOSITORY
from dev.reference import filled, table

README = f"{CHART}/README.md"

VALUES = f"{CHART}/values.yaml"

COMMENT = "# -- "
"""What a comment begins with that describes the key in the line below it."""


def readme_page() -> str:
    """The chart's README as it lies in the checkout, with the table of values made anew."""
    text = (REPOSITORY / README).read_text(encoding="utf-8")
    rows = described((REPOSITORY / VALUES).read_text(encoding="utf-8"))
    return filled(text, "values", "\n" + table(("key", "type", "default", "what it is"), rows) + "\n")


def described(values: str) -> list[tuple[str, str, str, str]]:
    """Key, type, default and comment of each value; ValueError for one that no comment describes."""
    node = yaml.compose(values)
    assert node is not None
    return list(_described(node, values.splitlines(), ()))


def _described(
    node: yaml.Node, lines: list[str], path: tuple[str, ...]
) -> Iterator[tuple[str, str, str, str]]:
    """The rows of a mapping: a key with a comment stands for all that is below it."""
    for key, value in node.value:
        here, comment = (*path, key.value), lines[key.start_mark.line - 1].strip()
        if comment.startswith(COMMENT):
            yield f"`{'.'.join(here)}`", _type(value), _default(value), comment.removeprefix(COMMENT)
        elif isinstance(value, yaml.MappingNode) and value.value:
            yield from _described(value, lines, here)
        else:
            raise ValueError(f"{VALUES}: {'.'.join(here)} needs a comment `{COMMENT}…` above it")


def _type(value: yaml.Node) -> str:
    if isinstance(value, yaml.MappingNode):
        return "object"
    if isinstance(value, yaml.SequenceNode):
        return "list"
    return value.tag.rpartition(":")[2]


def _default(value: yaml.Node) -> str:
    return f"`{json.dumps(yaml.safe_load(yaml.serialize(value)))}`"
