"""Every command of a how-to page is typed by a test, or the page says why not."""

from pathlib import Path

import pytest

from tests.integration.test_howto import HOWTO, PLAYED
from tests.support.markdown import Block, blocks
from tests.support.walkthrough import NOT_RUN, REASONS, typed

TUTORIAL = HOWTO.parent / "tutorial/README.md"
PAGES = [*sorted(HOWTO.glob("*.md")), TUTORIAL]
SHELL = {"", "bash", "console", "sh", "shell"}


def shell_blocks(page: Path) -> list[Block]:
    return [block for block in blocks(page) if block.language in SHELL]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_command_is_typed_or_has_one_of_the_known_reasons_why_not(page: Path):
    found = shell_blocks(page)
    assert {block.language for block in found} <= {"sh"}
    reasons = {block.mark.removeprefix(NOT_RUN) for block in found if block.mark.startswith(NOT_RUN)}
    assert reasons <= REASONS


def test_every_page_with_something_to_type_is_played():
    assert {page.stem for page in PAGES if page != TUTORIAL and any(typed(page))} == set(PLAYED)


def test_no_reason_is_left_that_no_page_has():
    marks = {block.mark for page in PAGES for block in shell_blocks(page)}
    assert {f"{NOT_RUN}{reason}" for reason in REASONS} <= marks
