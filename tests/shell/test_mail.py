"""The sending of mail against a real mail server: what was on the wire decides what the end means."""

import asyncio
import base64
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.providers.pages import UID, acknowledge, incident, resolve, trigger
from tests.shell.sending import always
from tests.support.mail_server import MailServer
from watchbill.api.connection import Smtp
from watchbill.core.effects import PageEffect
from watchbill.core.outcomes import Result
from watchbill.providers.contract import Settings, Verdict
from watchbill.providers.registry import PROVIDERS
from watchbill.shell.breaker import THRESHOLD
from watchbill.shell.clock import Clock
from watchbill.shell.mail import Mailer
from watchbill.shell.send import Sender

SHORT = 1.0
"""A deadline in seconds that is real time in tests of hanging servers."""

ANA, BO, CY = "ana@example.com", "bo@example.com", "cy@example.com"
REF = {"name": "mail", "key": "k"}
LOGIN = ("pages", "tiger-tiger")


@pytest.fixture
def server() -> Iterator[MailServer]:
    with MailServer() as running:
        yield running


@pytest.fixture
async def sender(certificates: tuple[ssl.SSLContext, ssl.SSLContext]) -> AsyncIterator[Sender]:
    made = Sender(Clock(), mailer=Mailer(certificates[1]))
    yield made
    await made.aclose()


@pytest.fixture
async def hasty() -> AsyncIterator[Sender]:
    made = Sender(Clock(), deadline=SHORT)
    yield made
    await made.aclose()


def settings(server: MailServer, *to: str, tls: str = "None", **more: Any) -> Settings:
    spec = {"host": "localhost", "port": server.port, "tls": tls, "from": "w@example.com", "to": to or (ANA,)}
    return Settings(Smtp.model_validate(spec | more))


def with_login(server: MailServer, tls: str, password: str = LOGIN[1]) -> Settings:
    found = settings(server, tls=tls, usernameSecretRef=REF, passwordSecretRef=REF)
    secrets = {"smtp.usernameSecretRef": LOGIN[0], "smtp.passwordSecretRef": password}
    return replace(found, secrets=secrets)


async def send(sender: Sender, to: Settings, effect: PageEffect | None = None) -> Verdict:
    effect = effect or trigger()
    verdict = await sender.attempt(PROVIDERS["smtp"], effect, to, rank=1, still_wanted=always)
    assert verdict is not None
    return verdict


async def test_a_page_arrives_as_it_was_built(sender: Sender, server: MailServer):
    assert await send(sender, settings(server, ANA, BO)) == Verdict(Result.OK)
    (mail,) = server.mails
    assert (mail.sender, mail.recipients) == ("w@example.com", (ANA, BO))
    assert mail.message["Subject"] == "SEV-1: Checkout returns 500 for every card payment"
    assert mail.message["Auto-Submitted"] == "auto-generated"
    assert mail.message["X-Incident-UID"] == UID
    assert "kubectl -n shop patch incident checkout-500s" in mail.text


async def test_a_page_its_repetition_and_what_follows_are_one_thread(sender: Sender, server: MailServer):
    for effect in (trigger(), trigger(repeated=True), acknowledge(), resolve()):
        await send(sender, settings(server), effect)
    first, again, taken, closed = (mail.message for mail in server.mails)
    assert again["Message-ID"] == first["Message-ID"]
    assert again["Subject"].endswith("(repeated)")
    assert taken["In-Reply-To"] == closed["In-Reply-To"] == first["Message-ID"]
    assert {first["References"].split()[0]} == {m["References"].split()[0] for m in (again, taken, closed)}
    assert "acknowledged by ana" in taken.get_content()
    assert "resolved by bo" in closed.get_content()


async def test_a_title_adds_no_header_and_no_recipient_on_the_wire(sender: Sender, server: MailServer):
    odd = "Down\r\nBcc: cy@example.com\r\n.\r\nMAIL FROM:<x@example.com>\r\n"
    await send(sender, settings(server), trigger(incident(title=odd, summary=f"{odd}.\n.")))
    (mail,) = server.mails
    assert mail.recipients == (ANA,)
    assert mail.message["Bcc"] is None
    assert mail.text.splitlines()[0] == "SEV-1: Down Bcc: cy@example.com . MAIL FROM:<x@example.com>"
    assert "\n.\n" in mail.text


@pytest.mark.parametrize("tls", ["StartTLS", "Implicit"])
async def test_a_page_goes_encrypted_after_a_login(
    sender: Sender, certificates: tuple[ssl.SSLContext, ssl.SSLContext], tls: str
):
    shows = {"starttls" if tls == "StartTLS" else "implicit": certificates[0]}
    with MailServer(**shows, login=LOGIN) as server:
        assert await send(sender, with_login(server, tls)) == Verdict(Result.OK)
        assert [mail.encrypted for mail in server.mails] == [True]


@pytest.mark.parametrize("tls", ["StartTLS", "Implicit"])
async def test_a_wrong_password_is_about_the_credential_and_is_quoted_nowhere(
    sender: Sender, certificates: tuple[ssl.SSLContext, ssl.SSLContext], tls: str
):
    shows = {"starttls" if tls == "StartTLS" else "implicit": certificates[0]}
    with MailServer(**shows, login=LOGIN) as server:
        verdict = await send(sender, with_login(server, tls, "lion-lion"))
        assert (verdict.result, verdict.reason) == (Result.AUTH, "SMTP535")
        assert "lion" not in verdict.message
        assert server.mails == []


@pytest.mark.parametrize("code", [250, 451, 554])
async def test_a_server_that_repeats_our_login_makes_none_of_it_public(
    sender: Sender,
    certificates: tuple[ssl.SSLContext, ssl.SSLContext],
    code: int,
    caplog: pytest.LogCaptureFixture,
):
    whole = base64.b64encode("\0{}\0{}".format(*LOGIN).encode()).decode()
    parts = [base64.b64encode(text.encode()).decode() for text in LOGIN]
    caplog.set_level(0)
    with MailServer(starttls=certificates[0], login=LOGIN) as server, capture_logs() as logs:
        to = replace(with_login(server, "StartTLS"), vendor=settings(
            server, ANA, BO, tls="StartTLS", usernameSecretRef=REF, passwordSecretRef=REF
        ).vendor)  # fmt: skip
        said = f"{code} {'x' * 42} {' '.join((*LOGIN, whole, *parts))}"
        server.behavior.data_reply = said
        server.behavior.replies = {BO: f"550 {said}"} if code == 250 else {}
        verdict = await send(sender, to)
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("mail.")]
    public = f"{verdict!r} {logs} {ours}"
    assert "[redacted]" in verdict.message
    # Not even the beginning of one, where the server's words are cut.
    assert not [text for text in (*LOGIN, whole, *parts) if text[:8] in public]


async def test_a_server_that_wants_a_login_is_not_given_up_as_a_bad_mail(
    sender: Sender, certificates: tuple[ssl.SSLContext, ssl.SSLContext]
):
    with MailServer(starttls=certificates[0], login=LOGIN) as server:
        verdict = await send(sender, settings(server, tls="StartTLS"))
    assert (verdict.result, verdict.reason) == (Result.AUTH, "SMTP530")


@pytest.mark.parametrize("tls", ["StartTLS", "Implicit"])
async def test_a_server_that_nobody_trusts_gets_no_password(
    hasty: Sender, certificates: tuple[ssl.SSLContext, ssl.SSLContext], tls: str
):
    shows = {"starttls" if tls == "StartTLS" else "implicit": certificates[0]}
    with MailServer(**shows, login=LOGIN) as server:
        verdict = await send(hasty, with_login(server, tls))
        assert (verdict.result, verdict.reason) == (Result.RETRY, "ConnectFailed")
        assert "certificate verify failed" in verdict.message
        assert server.mails == []


async def test_a_server_without_starttls_gets_no_mail_in_the_clear(sender: Sender, server: MailServer):
    verdict = await send(sender, settings(server, tls="StartTLS"))
    assert (verdict.result, verdict.reason) == (Result.PERMANENT, "NotOffered")
    assert "STARTTLS" in verdict.message
    assert server.mails == []


async def test_a_server_that_lets_nobody_log_in_says_so(
    sender: Sender, certificates: tuple[ssl.SSLContext, ssl.SSLContext]
):
    with MailServer(starttls=certificates[0]) as server:
        verdict = await send(sender, with_login(server, "StartTLS"))
        assert (verdict.result, verdict.reason) == (Result.PERMANENT, "NotOffered")
        assert "AUTH" in verdict.message
        assert server.mails == []


@pytest.mark.parametrize(
    ("reply", "result"),
    [
        pytest.param("451 4.3.0 later", Result.RETRY, id="4xx is worth another try"),
        pytest.param("554 5.7.1 spam", Result.PERMANENT, id="5xx stays"),
    ],
)
@pytest.mark.parametrize("command", ["MAIL", "DATA"])
async def test_a_mail_is_refused(
    sender: Sender, server: MailServer, command: str, reply: str, result: Result
):
    if command == "MAIL":
        server.behavior.sender_reply = reply
    else:
        server.behavior.data_reply = reply
    verdict = await send(sender, settings(server))
    assert (verdict.result, verdict.reason) == (result, f"SMTP{reply[:3]}")
    assert verdict.message == f"the answer to {command} was {reply[:3]}: {reply[4:]}"


async def test_who_is_refused_alone_fails_alone(sender: Sender, server: MailServer):
    server.behavior.replies = {BO: "550 5.1.1 no such user", CY: "452 4.2.2 mailbox full"}
    verdict = await send(sender, settings(server, ANA, BO, CY))
    assert (verdict.result, verdict.reason) == (Result.OK, "RecipientsRefused")
    assert f"{BO} (550 5.1.1 no such user), {CY} (452 4.2.2 mailbox full)" in verdict.message
    assert [mail.recipients for mail in server.mails] == [(ANA,)]


@pytest.mark.parametrize(
    ("replies", "result"),
    [
        pytest.param({ANA: "550 no", BO: "550 no"}, Result.PERMANENT, id="all for good"),
        pytest.param({ANA: "550 no", BO: "450 busy"}, Result.RETRY, id="one of them for now"),
    ],
)
async def test_a_page_that_nobody_gets_has_failed(
    sender: Sender, server: MailServer, replies: dict[str, str], result: Result
):
    server.behavior.replies = replies
    verdict = await send(sender, settings(server, ANA, BO))
    assert verdict.result is result
    assert server.mails == []


async def test_a_refusal_of_the_mail_after_that_of_a_recipient_is_nobodys_delivery(
    sender: Sender, server: MailServer
):
    server.behavior.replies = {BO: "450 busy"}
    server.behavior.data_reply = "554 spam"
    verdict = await send(sender, settings(server, ANA, BO))
    assert (verdict.result, verdict.reason) == (Result.PERMANENT, "SMTP554")


@pytest.mark.parametrize(("end", "reason"), [("hang", "Timeout"), ("reset", "Reset")])
async def test_without_a_reply_to_the_mail_it_may_have_arrived(
    hasty: Sender, server: MailServer, end: Any, reason: str
):
    server.behavior.after_data = end
    verdict = await send(hasty, settings(server))
    assert (verdict.result, verdict.reason) == (Result.UNKNOWN, reason)
    assert len(server.mails) == 1, "it did arrive, and nobody could know"


@pytest.mark.parametrize("end", ["hang", "reset"])
async def test_without_a_greeting_nothing_was_sent(hasty: Sender, server: MailServer, end: Any):
    server.behavior.connect = end
    verdict = await send(hasty, settings(server))
    assert (verdict.result, verdict.reason) == (Result.RETRY, "ConnectFailed")


async def test_without_a_listener_nothing_was_sent(sender: Sender, server: MailServer):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    verdict = await send(sender, settings(server, host="127.0.0.1", port=port))
    assert (verdict.result, verdict.reason) == (Result.RETRY, "ConnectFailed")
    assert "not sent" in verdict.message


async def _talking(*lines: bytes) -> asyncio.Server:
    """A server that says these lines, one to each of the client's, then hangs up."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for line in lines:
            writer.write(line + b"\r\n")
            await writer.drain()
            await reader.readline()
        writer.close()

    return await asyncio.start_server(answer, "127.0.0.1", 0)


@pytest.mark.parametrize(
    ("lines", "result", "reason"),
    [
        pytest.param((b"554 go away",), Result.PERMANENT, "SMTP554", id="a greeting that refuses"),
        pytest.param((b"421 too busy",), Result.RETRY, "SMTP421", id="a greeting that asks to wait"),
        pytest.param((b"HTTP/1.1 400",), Result.RETRY, "ConnectFailed", id="no mail server at all"),
        pytest.param((b"221 bye",), Result.RETRY, "ConnectFailed", id="a greeting with a farewell's code"),
        pytest.param((b"220 hi", b"220 hi", b"220 hi"), Result.RETRY, "ConnectFailed", id="a bad EHLO reply"),
        pytest.param((b"220 hi", b"250 hi", b"250 ok"), Result.RETRY, "ConnectFailed", id="a reset at RCPT"),
        pytest.param(
            (b"220 hi", b"250 hi", b"250 ok", b"250 ok", b"250 what"),
            Result.UNKNOWN, "InvalidAnswer", id="a strange answer to DATA",
        ),
        pytest.param(
            (b"220 hi", b"250 hi", b"250 ok", b"250 ok"), Result.UNKNOWN, "Reset", id="a reset at DATA"
        ),
    ],
)  # fmt: skip
async def test_a_server_that_breaks_the_rules_delivers_nothing_for_sure(
    sender: Sender, server: MailServer, lines: tuple[bytes, ...], result: Result, reason: str
):
    async with await _talking(*lines) as strange:
        port = strange.sockets[0].getsockname()[1]
        verdict = await send(sender, settings(server, host="127.0.0.1", port=port))
    assert (verdict.result, verdict.reason) == (result, reason)


async def test_a_server_that_wants_no_mail_is_well_and_one_that_is_busy_is_not(
    sender: Sender, server: MailServer
):
    server.behavior.sender_reply = "554 not you"
    for _ in range(THRESHOLD + 1):
        assert (await send(sender, settings(server))).reason == "SMTP554"
    assert not sender.is_open("smtp")
    server.behavior.sender_reply = "421 too busy"
    for _ in range(THRESHOLD):
        assert (await send(sender, settings(server))).reason == "SMTP421"
    assert sender.is_open("smtp")
    assert (await send(sender, settings(server))).reason == "BreakerOpen"
