"""A page for people, played as they would: its commands typed in order, and what comes held against it."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from dev.assets import find_helm
from dev.layout import REPOSITORY
from dev.waiting import wait_until
from tests.support.kubectl import Kubectl
from tests.support.markdown import Block, blocks
from tests.support.plugin import drawn, environment_of

NOT_RUN = "not run: "
"""How the comment above a block begins that no test types; the reason follows, which is one of these."""
REASONS = frozenset(
    {
        "fetches packages",
        "goes on until it is ended",
        "names what another command made",
        "needs Docker",
        "needs a node",
        "pages a person",
    }
)
REFUSED = "refused"
"""The comment above a block whose command must fail."""
APPLIED, SAVED = "applied", "saved as "
"""The comments above a manifest that people apply, or save as the file whose name follows."""

NO_TEXT = Block("", "")
READS = re.compile(r"(kubectl (-n \S+ )?(get|wait|auth can-i)|kubectl watchbill (get|list|timeline)) ")
VARYING = (
    (re.compile(r"\x1b\[[0-9;]*m"), ""),
    (re.compile(r"\d{4}-\d\d-\d\dT[0-9:.]+Z"), "TIME"),
    (re.compile(r"\d\d:\d\d:\d\dZ"), "TIME"),
    (re.compile(r"(?<![-\w])(\d+m)?\d+m?s\b"), "DURATION"),
    (re.compile(r"\bp-[0-9a-f]{10}\b"), "PAGE"),
    (re.compile(r"\s+"), " "),
)
"""What differs each time: moments, ages, the ids of pages, the width of columns, and where lines break."""


@dataclass(frozen=True)
class Typed:
    """Commands that are typed as one, and what the page says comes of them; None where it is silent."""

    commands: str
    says: str | None
    fails: bool


def typed(page: Path) -> Iterator[Typed]:
    """What a page has people type, in order, without what its comments say is not run.

    Text below a command, without a comment of its own, is what comes of it. Of manifests, those are typed
    that a comment says are applied or saved.
    """
    for block, after in pairwise([*blocks(page), NO_TEXT]):
        if commands := _commands(block):
            says = after.text if after.language == "text" and not after.mark else None
            yield Typed(commands, says, block.mark == REFUSED)


def _commands(block: Block) -> str:
    """What a block has people type, or nothing."""
    if block.language == "sh" and not block.mark.startswith(NOT_RUN):
        return block.text
    if block.language == "yaml" and block.mark == APPLIED:
        return f"kubectl apply -f - <<'END'\n{block.text}END\n"
    if block.language == "yaml" and block.mark.startswith(SAVED):
        return f"cat > {block.mark.removeprefix(SAVED)} <<'END'\n{block.text}END\n"
    return ""


def play(kubectl: Kubectl, step: Typed, folder: Path = REPOSITORY) -> None:
    """Types one step as the administrator, in this folder, a checkout.

    What only looks is typed again, for 10 s, until it is as told.
    """
    if all(READS.match(line) for line in step.commands.splitlines()):
        wait_until(lambda: _complaint(kubectl, step, folder), seconds=10)
        return
    complaint = _complaint(kubectl, step, folder)
    assert complaint is None, complaint


def _complaint(kubectl: Kubectl, step: Typed, folder: Path) -> str | None:
    shell = ["bash", "-e", "-u", "-c", step.commands]
    environment = environment_of(kubectl)
    if helm := find_helm(os.environ):
        environment["PATH"] = f"{helm.parent}:{environment['PATH']}"
    code, text = drawn(shell, environment, folder)
    if (code != 0) != step.fails:
        return f"{step.commands} ended with {code}:\n{text}"
    if step.says is not None and steady(step.says) != steady(text):
        return f"{step.commands} printed\n{steady(text)}\nand not, as the page says,\n{steady(step.says)}"
    return None


def steady(text: str) -> str:
    """The text without what differs each time."""
    for pattern, word in VARYING:
        text = pattern.sub(word, text)
    return text.strip()
