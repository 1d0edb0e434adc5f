"""What mail alone does: the message, its thread, and how replies are read."""

import email
import email.policy
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import pytest

from tests.providers.pages import (
    KEY,
    NOW,
    UID,
    acknowledge,
    incident,
    mail_for,
    page,
    resolve,
    settings_for,
    trigger,
)
from watchbill.api.connection import Smtp
from watchbill.core.effects import PageEffect, SendPage
from watchbill.core.outcomes import Result
from watchbill.core.texts import cut
from watchbill.providers.contract import Mail, Misconfigured, Response, Settings, Verdict
from watchbill.providers.registry import PROVIDERS

PLAIN: dict[str, Any] = {"host": "smtp.example.com", "from": "w@example.com", "to": ["ana@example.com"]}
REF = {"name": "mail", "key": "k"}
INJECTED = "Down\r\nBcc: cy@example.com\r\n\r\nDear all\u2028X: y\x85Z: z\x0b\x0c"


def plain(**changes: Any) -> Settings:
    return Settings(Smtp.model_validate(PLAIN | changes))


def message(effect: PageEffect, settings: Settings | None = None) -> EmailMessage:
    found = email.message_from_bytes(mail_for(effect, settings).message, policy=email.policy.default)
    assert isinstance(found, EmailMessage)
    return found


def parse(status: int, command: str = "DATA", said: str = "", **refused: str) -> Verdict:
    return PROVIDERS["smtp"].parse(Response(status, {"command": command}, said.encode(), refused), NOW)


@pytest.mark.parametrize("effect", [trigger(), acknowledge(), resolve()])
def test_a_mail_says_that_no_person_wrote_it_and_which_incident_it_is_of(effect: PageEffect):
    found = message(effect)
    assert found["Auto-Submitted"] == "auto-generated"
    assert found["X-Incident-UID"] == UID
    assert found["X-Watchbill-Key"] == KEY
    assert found["X-Watchbill-Action"] == effect.action
    assert found["Date"].datetime == NOW


def test_what_follows_a_page_answers_it():
    first, then, last = message(trigger()), message(acknowledge()), message(resolve())
    assert then["In-Reply-To"] == last["In-Reply-To"] == first["Message-ID"]
    assert first["Message-ID"] in then["References"].split()
    assert len({first["Message-ID"], then["Message-ID"], last["Message-ID"]}) == 3
    assert then["Subject"] == last["Subject"] == f"Re: {first['Subject']}"


def test_all_pages_of_an_incident_stand_in_one_thread_and_those_of_another_do_not():
    first = message(trigger())
    second = message(SendPage(incident(), page(key=f"{UID}/2/1/second/0f"), 0))
    other = message(trigger(incident(uid="another")))
    assert second["Message-ID"] != first["Message-ID"]
    assert second["References"] == first["References"] != other["References"]


def test_a_repeated_page_has_the_message_id_of_the_first_and_says_that_it_is_repeated():
    first, again = message(trigger()), message(trigger(repeated=True))
    assert again["Message-ID"] == first["Message-ID"]
    assert again["Subject"] == f"{first['Subject']} (repeated)"
    assert "This page is repeated: it may have reached you before." in again.get_content()


@pytest.mark.parametrize("effect", [trigger, acknowledge, resolve])
def test_no_title_writes_a_header(effect: Any):
    odd = effect(incident(title=INJECTED, severity="SEV-1\r\nCc: cy@example.com", services=("a\r\nCc: b",)))
    found = message(odd)
    assert set(found.keys()) == set(message(effect()).keys())
    assert found["To"] == "on-call@example.com, platform-on-call@example.com"
    assert "Bcc: cy@example.com" in found["Subject"]


def test_a_title_in_any_script_is_sent_in_seven_bits_and_read_whole():
    title = "Zahlung \u0645\u0639\u0637\u0651\u0644 \u652f\u6255\u3044 " * 9
    mail = mail_for(trigger(incident(title=title, summary="\u652f" * 4000)))
    assert mail.message.isascii()
    assert max(map(len, mail.message.split(b"\r\n"))) <= 78 + len("References: ")
    assert b"\n" not in mail.message.replace(b"\r\n", b"")
    found = message(trigger(incident(title=title)))
    assert found["Subject"] == f"SEV-1: {cut(title.strip(), 200 - len('SEV-1: '))}"


def test_ids_stay_ids_however_long_the_domain_and_the_key_are():
    domain = ".".join(("d" * 60, "e" * 60, "f" * 60, "example.com"))
    long_key = f"{UID}/1/1/{'l' * 63}/0123456789ab"
    effect = SendPage(incident(), page(key=long_key), 0)
    raw = mail_for(effect, plain(**{"from": f"w@{domain}", "to": [f"{'a' * 40}@{domain}"]})).message
    headers = dict(
        line.split(": ", 1) for line in raw.decode().split("\r\n") if ": <" in line or "-Key" in line
    )
    assert headers["Message-ID"].endswith(f"@{domain}>")
    assert headers["References"] == headers["In-Reply-To"]
    assert headers["References"].endswith(f"@{domain}>")
    assert headers["X-Watchbill-Key"] == long_key
    found = message(effect, plain(**{"from": f"w@{domain}", "to": [f"{'a' * 40}@{domain}"]}))
    assert [address.addr_spec for address in found["To"].addresses] == [f"{'a' * 40}@{domain}"]
    assert found["From"].addresses[0].addr_spec == f"w@{domain}"


@pytest.mark.parametrize(
    ("changes", "port"),
    [({}, 587), ({"tls": "Implicit"}, 465), ({"tls": "None"}, 25), ({"port": 2525}, 2525)],
)
def test_the_port_follows_from_tls_where_none_is_set(changes: dict[str, Any], port: int):
    assert mail_for(trigger(), plain(**changes)).port == port


def test_without_a_credential_nobody_logs_in():
    mail = mail_for(trigger(), plain())
    assert (mail.username, mail.password, mail.secrets) == ("", "", ())


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"usernameSecretRef": REF}, "smtp.passwordSecretRef"),
        ({"passwordSecretRef": REF}, "smtp.usernameSecretRef"),
        ({"usernameSecretRef": REF, "passwordSecretRef": REF, "tls": "None"}, "smtp.tls"),
    ],
)
def test_a_credential_that_no_schema_would_let_pass_is_not_sent(changes: dict[str, Any], path: str):
    secrets = {"smtp.usernameSecretRef": "ana", "smtp.passwordSecretRef": "pass"}
    with pytest.raises(Misconfigured) as caught:
        mail_for(trigger(), replace(plain(**changes), secrets=secrets))
    assert caught.value.path == path


def test_the_credential_is_named_as_a_server_could_quote_it():
    secrets = {"smtp.usernameSecretRef": "ana", "smtp.passwordSecretRef": "tiger"}
    mail = mail_for(trigger(), replace(settings_for("smtp"), secrets=secrets))
    assert set(mail.secrets) == {"ana", "tiger", "YW5h", "dGlnZXI=", "AGFuYQB0aWdlcg=="}


def test_every_reply_is_read_as_the_table_says():
    wrong = {}
    for code in range(100, 600):
        expected = (
            Result.OK if code in range(200, 300)
            else Result.RETRY if code in range(400, 500)
            else Result.AUTH if code in (530, 534, 535, 538)
            else Result.PERMANENT if code in range(500, 600)
            else Result.UNKNOWN
        )  # fmt: skip
        found = parse(code).result
        if found is not expected:
            wrong[code] = found
    assert wrong == {}


def test_any_lasting_refusal_of_a_login_is_about_the_credential():
    assert parse(554, "AUTH").result is Result.AUTH
    assert parse(454, "AUTH").result is Result.RETRY


def test_a_refusal_quotes_the_server_on_one_line():
    verdict = parse(554, "MAIL", "5.7.1 no\r\nrelay\x1b[31m")
    assert verdict.reason == "SMTP554"
    assert verdict.message == "the answer to MAIL was 554: 5.7.1 no relay\ufffd[31m"


def test_a_page_that_reached_only_some_is_delivered_and_names_the_others():
    verdict = parse(250, cy="550 no such user", dee="452 mailbox\r\nfull")
    assert (verdict.result, verdict.reason) == (Result.OK, "RecipientsRefused")
    assert verdict.message == "the mail server refused cy (550 no such user), dee (452 mailbox full)"
    assert verdict.after is None


def test_a_page_that_everybody_was_refused_names_them_all():
    verdict = parse(550, "RCPT", cy="550 no such user")
    assert (verdict.result, verdict.reason) == (Result.PERMANENT, "SMTP550")
    assert verdict.message == "the mail server refused cy (550 no such user)"


def test_what_twenty_refusals_say_fits_into_the_status():
    verdict = parse(250, **{f"a{n}@example.com": "5" * 500 for n in range(20)})
    assert len(verdict.message) <= 256
    assert verdict.message.startswith("the mail server refused a0@example.com (555")


def test_a_later_try_is_dated_later_and_is_the_same_mail():
    first = mail_for(trigger())
    later = PROVIDERS["smtp"].build(trigger(), settings_for("smtp"), NOW + timedelta(minutes=9))
    assert isinstance(later, Mail)
    assert first.message.partition(b"\r\n")[2] == later.message.partition(b"\r\n")[2]
    assert first.message != later.message
