"""Sends one mail by SMTP; aiosmtplib is known only here.

What surely did not leave may be tried again; from the command DATA on, a mail may have arrived.
"""

import asyncio
import ssl
from contextlib import suppress
from dataclasses import dataclass, field, replace

import aiosmtplib
from aiosmtplib import SMTP

from watchbill.core.outcomes import Result
from watchbill.core.texts import cut, neutral
from watchbill.providers.contract import Mail, Response, Verdict
from watchbill.providers.retryable import MESSAGE_LIMIT
from watchbill.shell.egress import Egress, EgressDenied
from watchbill.shell.lane import MISCONFIGURED
from watchbill.shell.redact import redacted

CONNECT_TIMEOUT = 5.0
"""Seconds for the connection and the server's greeting."""

FAREWELL = 0.5
"""Seconds that the server has to answer QUIT: the mail is delivered by then."""

_REFUSALS = range(400, 600)
_NOT_OFFERED = "NotOffered"


@dataclass(slots=True)
class _Dialog:
    """How far the dialog about one mail got."""

    secrets: tuple[str, ...]
    command: str = "the connection"
    written: bool = False
    refused: dict[str, str] = field(default_factory=dict)
    codes: list[int] = field(default_factory=list)
    """The codes of the refusals."""
    settled: Response | None = None

    def reply(self, code: int, said: str) -> Response:
        """The reply to the command; its secrets go before anybody cuts its text and leaves a part of one."""
        body = redacted(said, self.secrets).encode(errors="replace")
        return Response(code, {"command": self.command}, body)


class Mailer:
    """Sends mails, each by a connection of its own."""

    def __init__(self, tls: ssl.SSLContext | None = None, egress: Egress | None = None) -> None:
        self._tls = tls
        self._egress = egress or Egress()

    async def deliver(self, mail: Mail, seconds: float) -> Response | Verdict:
        """The reply that settled what becomes of the mail; a verdict where none did in so many seconds."""
        dialog = _Dialog(mail.secrets)
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self._talk(mail, dialog, seconds)
        except EgressDenied as denied:
            return denied.verdict
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            if dialog.settled is None:
                return _failed(error, dialog, seconds)
        assert dialog.settled is not None
        return dialog.settled

    async def _talk(self, mail: Mail, dialog: _Dialog, seconds: float) -> None:
        tls = None if mail.tls == "None" else await self._context()
        client = SMTP(
            # The name that its certificate must bear.
            hostname=mail.host,
            # The name of a pod means nothing to a mail server, and some turn away one without a dot.
            local_hostname=mail.sender.rpartition("@")[2],
            timeout=seconds,
            use_tls=mail.tls == "Implicit",
            start_tls=False,
            tls_context=tls,
        )
        try:
            await self._connect(client, mail, min(CONNECT_TIMEOUT, seconds))
            if mail.tls == "StartTLS":
                dialog.command = "STARTTLS"
                await client.starttls()
            if mail.username:
                dialog.command = "AUTH"
                await client.login(mail.username, mail.password)
            await _hand_over(client, mail, dialog)
        finally:
            client.close()

    async def _connect(self, client: SMTP, mail: Mail, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                connected = await self._egress.connect(mail.host, mail.port)
                await client.connect(sock=connected, timeout=seconds)
        except TimeoutError as error:
            raise TimeoutError(f"no greeting of {mail.host} within {seconds:g} s") from error

    async def _context(self) -> ssl.SSLContext:
        """The authorities that the system trusts, or those that SSL_CERT_FILE names; read once."""
        if self._tls is None:
            self._tls = await asyncio.to_thread(ssl.create_default_context)
        return self._tls


async def _hand_over(client: SMTP, mail: Mail, dialog: _Dialog) -> None:
    dialog.command = "MAIL"
    await client.mail(mail.sender)
    dialog.command = "RCPT"
    for address in mail.recipients:
        try:
            await client.rcpt(address)
        except aiosmtplib.SMTPRecipientRefused as refusal:
            if refusal.code not in _REFUSALS:
                raise
            dialog.refused[address] = f"{refusal.code} {redacted(refusal.message, mail.secrets)}"
            dialog.codes.append(refusal.code)
    if len(dialog.refused) == len(mail.recipients):
        # The most hopeful refusal, which has the lowest code: one mailbox that is full is worth another try.
        dialog.settled = replace(dialog.reply(min(dialog.codes), ""), refused=dialog.refused)
        return
    dialog.command = "DATA"
    dialog.written = True
    reply = await client.data(mail.message)
    dialog.settled = replace(dialog.reply(reply.code, reply.message), refused=dialog.refused)
    with suppress(aiosmtplib.SMTPException, OSError):
        await client.quit(timeout=FAREWELL)


def _failed(error: Exception, dialog: _Dialog, seconds: float) -> Response | Verdict:
    """What it means that the dialog broke off at this command."""
    if isinstance(error, aiosmtplib.SMTPResponseException) and error.code in _REFUSALS:
        # The recipients who were refused before are beside the point: nobody gets it.
        return dialog.reply(error.code, error.message)
    detail = redacted(_detail(error, seconds), dialog.secrets)
    if dialog.written:
        return _unanswered(error, detail)
    if isinstance(error, OSError | aiosmtplib.SMTPResponseException):
        return _verdict(Result.RETRY, "ConnectFailed", f"not sent, at {dialog.command}: {detail}")
    if isinstance(error, ValueError):
        return _verdict(Result.PERMANENT, MISCONFIGURED, f"the mail cannot be formed: {detail}")
    return _verdict(Result.PERMANENT, _NOT_OFFERED, f"not sent, at {dialog.command}: {detail}")


def _detail(error: Exception, seconds: float) -> str:
    """What went wrong, in one line; some errors say nothing but what they are."""
    said = neutral(str(error))
    if not said:
        return f"no answer within {seconds:g} s" if isinstance(error, TimeoutError) else type(error).__name__
    return f"{said} {type(error.__cause__).__name__}" if said.endswith(":") else said


def _unanswered(error: Exception, detail: str) -> Verdict:
    if isinstance(error, TimeoutError):
        return _verdict(Result.UNKNOWN, "Timeout", f"no answer to the mail: {detail}")
    if isinstance(error, OSError):
        return _verdict(Result.UNKNOWN, "Reset", f"the connection broke: {detail}")
    return _verdict(Result.UNKNOWN, "InvalidAnswer", f"no valid answer: {detail}")


def _verdict(result: Result, reason: str, message: str) -> Verdict:
    return Verdict(result, reason=reason, message=cut(message, MESSAGE_LIMIT))
