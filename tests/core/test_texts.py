"""The sentences that a person who is paged reads."""

import pytest

from tests.providers.pages import acknowledge, incident, resolve, trigger
from watchbill.core.effects import PageEffect
from watchbill.core.texts import (
    acknowledge_command,
    cut,
    neutral,
    neutral_lines,
    page_text,
    services,
    title_line,
    warnings,
)


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        pytest.param("four", 4, "four", id="what fits is left alone"),
        pytest.param("fours", 4, "fou…", id="what does not fit ends in a mark"),
        pytest.param("two words", 5, "two…", id="no space stands before the mark"),
        pytest.param("five", 1, "…", id="one character is the mark"),
    ],
)
def test_a_text_is_cut(text: str, limit: int, expected: str):
    assert cut(text, limit) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a\tb\r\nc\u2028d", "a b c d", id="line breaks and tabs are spaces"),
        pytest.param("\x1b[31mred", "\ufffd[31mred", id="an escape colors no terminal"),
        pytest.param("a\u202eb\u2066c", "abc", id="nothing turns the direction of what follows"),
        pytest.param("\u05e9\u05dc\u05d5\u05dd", "\u05e9\u05dc\u05d5\u05dd", id="right-to-left letters stay"),
        pytest.param("e\u0301 \U0001f6a8", "e\u0301 \U0001f6a8", id="accents and signs stay"),
        pytest.param("a\ud800b", "a\ufffdb", id="half a character can be sent"),
        pytest.param("  a  ", "a", id="no white space at the ends"),
    ],
)
def test_a_text_is_made_harmless(text: str, expected: str):
    assert neutral(text) == expected


def test_a_text_of_several_lines_keeps_them():
    assert neutral_lines("\n\none\x00\r\n\ntwo\n") == "one\ufffd\n\ntwo"


@pytest.mark.parametrize(
    ("effect", "expected"),
    [
        pytest.param(trigger(incident(title="Down")), "SEV-1: Down", id="a page"),
        pytest.param(
            trigger(incident(title="Down"), repeated=True, late="12m", unseen_since="01:12"),
            "SEV-1: Down (repeated, late by 12m, acknowledgements cannot be seen since 01:12)",
            id="a page with everything",
        ),
        pytest.param(
            acknowledge(incident(title="Down")), "SEV-1 acknowledged by ana: Down", id="an acknowledgement"
        ),
        pytest.param(resolve(incident(title="Down")), "SEV-1 resolved by bo: Down", id="a resolve"),
    ],
)
def test_the_title_says(effect: PageEffect, expected: str):
    assert title_line(effect) == expected


def test_of_a_long_title_line_only_the_title_is_cut():
    effect = trigger(incident(title="x" * 300), repeated=True)
    assert title_line(effect, 40) == f"SEV-1: {'x' * 21}… (repeated)"


def test_the_command_is_complete_but_for_the_name():
    assert acknowledge_command(trigger()) == (
        "kubectl -n shop patch incident checkout-500s --type=merge "
        "-p 'spec: {acknowledgedBy: {YOU: {page: 1.1.primary.1}}}'"
    )


def test_the_command_stands_alone_on_the_last_line_to_be_copied():
    assert page_text(trigger()).splitlines()[-1] == acknowledge_command(trigger())


def test_what_is_over_asks_for_no_acknowledgement():
    assert [effect for effect in (acknowledge(), resolve()) if "kubectl" in page_text(effect)] == []


def test_a_late_page_says_when_it_was_due():
    assert warnings(trigger(late="12m")) == ("This page is late by 12m: it was due at 01:30 UTC.",)


def test_of_many_services_ten_are_named():
    text = services(incident(services=tuple(f"s{number}" for number in range(13))))
    assert text == "s0, s1, s2, s3, s4, s5, s6, s7, s8, s9 and 3 more"


def test_a_test_page_speaks_of_its_connection_and_asks_for_nothing():
    facts = incident(name="pager", severity="TEST", title="TEST: nothing is wrong", services=(), is_test=True)
    page = trigger(facts, repeated=True)
    assert title_line(page) == "TEST: nothing is wrong (repeated)"
    assert title_line(resolve(facts)) == "TEST resolved by bo: TEST: nothing is wrong"
    assert acknowledge_command(page) == ""
    lines = page_text(page).splitlines()
    assert lines[2] == "A test of Connection pager in namespace shop, page 1.1.primary.1."
    assert lines[-1] == "There is nothing to acknowledge."


def test_a_page_about_a_run_names_it_and_says_how_to_look():
    facts = incident(name="run-1", severity="RUNBOOK", title="a person must look", services=(), is_run=True)
    page = trigger(facts)
    assert title_line(page) == "a person must look"
    assert acknowledge_command(page) == ""
    lines = page_text(page).splitlines()
    assert lines[1] == "RunbookRun run-1 in namespace shop, page 1.1.primary.1."
    assert lines[-1] == "To look at it: kubectl -n shop describe runbookrun run-1"
