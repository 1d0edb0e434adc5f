"""What every provider must do; runs by itself over the registry, with the settings of each one's example."""

import email
import email.policy
import json
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.providers.pages import (
    KEY,
    NOW,
    POSTING,
    SENDING,
    UID,
    effects_for,
    incident,
    request_for,
    settings_for,
    trigger,
)
from watchbill.core.effects import PageEffect
from watchbill.core.outcomes import Result
from watchbill.core.texts import MARK, acknowledge_command
from watchbill.providers.contract import LogLine, Mail, Misconfigured, Request, Response, Settings
from watchbill.providers.registry import PROVIDERS

ALL_CODES = range(100, 600)
RETRIED = {408, 425, 429, *range(500, 600)} - {501, 505}
AUTH = {401, 403, 407}
# "The payment is broken", in Arabic.
RIGHT_TO_LEFT = "\u0627\u0644\u062f\u0641\u0639 \u0645\u0639\u0637\u0651\u0644"
ODD_TITLE = f"\x1b[31m{RIGHT_TO_LEFT}\x00\u202e now\r\nreally\x7f"


def strings(value: Any) -> Iterator[str]:
    """Every string in JSON data, the names of fields too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


def sent_strings(built: Request | LogLine | Mail) -> list[str]:
    """Every string that leaves: the text, or the headers and the strings of the body."""
    if isinstance(built, LogLine):
        return [built.text]
    if isinstance(built, Mail):
        message = email.message_from_bytes(built.message, policy=email.policy.SMTP)
        text = message.get_content().replace("\r\n", "\n")
        return [*(str(value) for value in message.values()), text]
    return [*built.headers.values(), *strings(json.loads(built.body))]


def carried(built: Request | LogLine | Mail) -> str:
    """All that a request is made of, the parts that no repr shows too."""
    if isinstance(built, LogLine):
        return built.text
    if isinstance(built, Mail):
        return f"{built!r} {built.username} {built.password} {built.message.decode()}"
    return f"{built.url} {dict(built.headers)} {built.body.decode()}"


def built(name: str, effect: PageEffect, later: timedelta = timedelta()) -> Request | LogLine | Mail:
    return PROVIDERS[name].build(effect, settings_for(name), NOW + later)


def complaint(name: str, settings: Settings) -> str:
    """All that a traceback would show of the error, or nothing where the settings do."""
    try:
        PROVIDERS[name].build(trigger(), settings, NOW)
    except Misconfigured as error:
        return f"{error} {error!r} {error.__cause__!r} {error.__context__!r}"
    return ""


@pytest.mark.parametrize("name", PROVIDERS)
def test_the_registry_knows_each_provider_by_its_own_name(name: str):
    assert PROVIDERS[name].name == name


@pytest.mark.parametrize("name", POSTING)
def test_every_http_code_is_retried_or_refused_or_accepted_as_the_table_says(name: str):
    wrong = {}
    for code in ALL_CODES:
        expected = (
            Result.OK if code in range(200, 300)
            else Result.RETRY if code in RETRIED
            else Result.AUTH if code in AUTH
            else Result.CONFLICT if code == 409
            else Result.PERMANENT
        )  # fmt: skip
        found = PROVIDERS[name].parse(Response(code, {}, b"{}"), NOW).result
        if found is not expected:
            wrong[code] = found
    assert wrong == {}


@pytest.mark.parametrize("name", POSTING)
def test_only_answers_worth_another_try_carry_the_wait_that_was_asked_for(name: str):
    for code in ALL_CODES:
        verdict = PROVIDERS[name].parse(Response(code, {"retry-after": "7"}, b"{}"), NOW)
        assert verdict.after == (timedelta(seconds=7) if code in RETRIED else None), code


@pytest.mark.parametrize("name", POSTING)
@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"[1]", b'"x"', b"{" * 100_000, b"[" * 100_000])
def test_no_body_is_too_strange_to_be_read(name: str, body: bytes):
    for code in (202, 400, 429, 500):
        PROVIDERS[name].parse(Response(code, {}, body), NOW)


@pytest.mark.parametrize("name", SENDING)
def test_a_verdict_fits_into_the_status(name: str):
    body = json.dumps({"message": "x" * 999, "errors": ["\x1b" * 999]}).encode()
    for code in ALL_CODES:
        verdict = PROVIDERS[name].parse(Response(code, {}, body), NOW)
        assert len(verdict.message) <= 256
        assert len(verdict.reason) <= 64
        assert verdict.message.isprintable()


@pytest.mark.parametrize("name", PROVIDERS)
def test_secrets_show_in_no_repr(name: str):
    settings = settings_for(name)
    for effect in effects_for(PROVIDERS[name]):
        shown = repr(settings) + repr(PROVIDERS[name].build(effect, settings, NOW))
        assert not [secret for secret in settings.secrets.values() if secret in shown]


@pytest.mark.parametrize("name", SENDING)
def test_every_secret_that_a_request_carries_is_named_to_the_sender(name: str):
    settings = settings_for(name)
    for effect in effects_for(PROVIDERS[name]):
        request = PROVIDERS[name].build(effect, settings, NOW)
        assert not isinstance(request, LogLine)
        for secret in settings.secrets.values():
            assert secret not in carried(request) or secret in request.secrets


@pytest.mark.parametrize(
    ("name", "path"), [(name, path) for name in SENDING for path in settings_for(name).secrets]
)
@pytest.mark.parametrize("value", ["", " \n", None], ids=["empty", "blank", "absent"])
def test_a_secret_without_a_value_is_named_by_its_path(name: str, path: str, value: str | None):
    settings = settings_for(name)
    secrets = {**settings.secrets, path: value}
    broken = replace(settings, secrets={key: text for key, text in secrets.items() if text is not None})
    with pytest.raises(Misconfigured, match=f"^spec.{path}: ") as caught:
        PROVIDERS[name].build(trigger(), broken, NOW)
    assert caught.value.path == path


@pytest.mark.parametrize(
    ("name", "path"), [(name, path) for name in SENDING for path in settings_for(name).secrets]
)
def test_a_secret_that_cannot_work_is_not_quoted(name: str, path: str):
    value = "whsec_://not a secret that works\x01"
    settings = settings_for(name)
    broken = replace(settings, secrets={**settings.secrets, path: value})
    assert value not in complaint(name, broken)


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_line_break_at_the_end_of_a_secret_changes_nothing(name: str):
    settings = settings_for(name)
    with_breaks = replace(settings, secrets={path: f"{text}\n" for path, text in settings.secrets.items()})
    assert PROVIDERS[name].build(trigger(), with_breaks, NOW) == PROVIDERS[name].build(
        trigger(), settings, NOW
    )


@pytest.mark.parametrize("name", PROVIDERS)
def test_each_page_carries_its_key_which_begins_with_the_incidents_uid(name: str):
    for effect in effects_for(PROVIDERS[name]):
        assert any(KEY in text for text in sent_strings(built(name, effect)))
    assert KEY.startswith(UID)


@pytest.mark.parametrize("name", PROVIDERS)
def test_the_same_key_gives_the_same_idempotency_key_at_every_try(name: str):
    for effect in effects_for(PROVIDERS[name]):
        first, second = (
            [text for text in sent_strings(built(name, effect, later)) if text.startswith(KEY)]
            for later in (timedelta(), timedelta(minutes=9))
        )
        assert first == second


@pytest.mark.parametrize("name", [name for name in SENDING if not PROVIDERS[name].unkeyed])
def test_a_keyed_request_is_the_same_at_every_try(name: str):
    for effect in effects_for(PROVIDERS[name]):
        assert built(name, effect) == built(name, effect, timedelta(minutes=9))


@pytest.mark.parametrize("name", PROVIDERS)
def test_every_action_is_told_apart(name: str):
    effects = effects_for(PROVIDERS[name])
    assert len({tuple(sent_strings(built(name, effect))) for effect in effects}) == len(effects)


@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.parametrize(
    ("effect", "expected"),
    [
        pytest.param(trigger(), "Checkout returns 500 for every card payment", id="the title"),
        pytest.param(trigger(), "SEV-1", id="the severity"),
        pytest.param(trigger(), acknowledge_command(trigger()), id="how to acknowledge"),
        pytest.param(trigger(), "checkout, cart", id="what is affected"),
        pytest.param(trigger(), "primary", id="the level"),
        pytest.param(trigger(repeated=True), "repeated", id="that it is repeated"),
        pytest.param(trigger(late="12m"), "late by 12m", id="that it is late"),
        pytest.param(
            trigger(unseen_since="01:12"),
            "acknowledgements cannot be seen since 01:12",
            id="that acknowledgements cannot be seen",
        ),
    ],
)
def test_the_page_says(name: str, effect: PageEffect, expected: str):
    assert any(expected in text for text in sent_strings(built(name, effect)))


@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.parametrize("word", ["late by", "cannot be seen", "is repeated"])
def test_an_ordinary_page_says_nothing_of(name: str, word: str):
    assert not [text for text in sent_strings(built(name, trigger())) if word in text]


@pytest.mark.parametrize("name", PROVIDERS)
def test_what_is_too_long_is_cut_with_a_mark(name: str):
    facts = incident(
        title="t" * 100_000, summary="s" * 100_000, services=tuple(f"service-{n:04}" for n in range(9999))
    )
    found = sent_strings(built(name, trigger(facts)))
    assert max(map(len, found)) < 10_000
    assert sum(map(len, found)) < 64_000
    assert any(MARK in text for text in found)
    assert not [text for text in found if "t" * 2000 in text or "s" * 5000 in text]


@pytest.mark.parametrize("name", PROVIDERS)
def test_control_characters_are_harmless_and_right_to_left_text_survives(name: str):
    for effect in effects_for(PROVIDERS[name], incident(title=ODD_TITLE, summary=ODD_TITLE)):
        found = sent_strings(built(name, effect))
        bad = {
            character
            for text in found
            for character in text
            if (unicodedata.category(character) == "Cc" and character != "\n") or character == "\u202e"
        }
        assert bad == set()
        if effect.action == "trigger":
            assert any(RIGHT_TO_LEFT in text for text in found)


@pytest.mark.parametrize("name", POSTING)
def test_headers_are_plain_ascii_on_one_line(name: str):
    facts = incident(title=ODD_TITLE, severity="SÉV\n1")
    for effect in effects_for(PROVIDERS[name], facts):
        for header, value in request_for(name, effect).headers.items():
            assert header == header.lower()
            assert value.isascii()
            assert value.isprintable()
