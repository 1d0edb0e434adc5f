"""What stands in the code blocks of a page for people."""

import re
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

FENCED = re.compile(
    r"(?:^ *<!-- (?P<mark>[^\n]*?) -->\n)?^ *```(?P<language>\w*)\n(?P<text>.*?)^ *```",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """A code block: its language, its text without the indentation of the page, and the comment above it."""

    language: str
    text: str
    mark: str = ""


def blocks(page: Path) -> list[Block]:
    """The code blocks of a page, in order."""
    found = FENCED.finditer(page.read_text(encoding="utf-8"))
    return [Block(each["language"], dedent(each["text"]), each["mark"] or "") for each in found]


def yaml_blocks(page: Path) -> list[str]:
    """The manifests that a page shows, in order."""
    return [block.text for block in blocks(page) if block.language == "yaml"]
