"""A mail server that others wrote, aiosmtpd, in a thread of its own; it keeps what it takes."""

import asyncio
import email
import email.policy
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any, Literal, TypeVar

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

Found = TypeVar("Found")
PATIENCE = 10.0


@dataclass(frozen=True)
class Received:
    """One mail as it arrived: its envelope, and its bytes."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes
    encrypted: bool

    @property
    def message(self) -> EmailMessage:
        """The mail as a reader shows it."""
        found = email.message_from_bytes(self.raw, policy=email.policy.default)
        assert isinstance(found, EmailMessage)
        return found

    @property
    def text(self) -> str:
        """The body."""
        return str(self.message.get_content()).replace("\r\n", "\n")


@dataclass
class Behavior:
    """What the server does; a test may change it while it runs."""

    connect: Literal["greet", "hang", "reset"] = "greet"
    sender_reply: str = "250 OK"
    replies: dict[str, str] = field(default_factory=dict)
    """What is said to a recipient, by address; the others are taken."""
    data_reply: str = "250 OK"
    after_data: Literal["answer", "hang", "reset"] = "answer"
    """What becomes of a mail that has been taken already."""


class MailServer:
    """A server at 127.0.0.1; `with MailServer() as server:`."""

    def __init__(
        self,
        *,
        starttls: ssl.SSLContext | None = None,
        implicit: ssl.SSLContext | None = None,
        login: tuple[str, str] | None = None,
    ) -> None:
        self.behavior = Behavior()
        self.port = 0
        self._starttls = starttls
        self._implicit = implicit
        self.login = login
        self._mails: list[Received] = []
        self._news = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="mail server", daemon=True)
        self._open: set[_Dialog] = set()

    @property
    def mails(self) -> list[Received]:
        """What was taken so far."""
        with self._news:
            return list(self._mails)

    def wait_for(self, found: Callable[[list[Received]], Found | None], timeout: float = PATIENCE) -> Found:
        """The first true value that the mails give; raises AssertionError where none comes in time."""
        with self._news:
            value = self._news.wait_for(lambda: found(self._mails), timeout)
            assert value, f"not within {timeout:g} s; {len(self._mails)} mails came"
            return value

    def __enter__(self) -> "MailServer":
        """Listen."""
        self._thread.start()
        self._run(self._listen())
        return self

    def __exit__(self, *error: object) -> None:
        """Close, and forget the dialogs that hang."""
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()

    def _run(self, work: Any) -> None:
        done: Future[None] = asyncio.run_coroutine_threadsafe(work, self._loop)
        done.result(PATIENCE)

    async def _listen(self) -> None:
        self._server = await self._loop.create_server(self._dialog, "127.0.0.1", 0, ssl=self._implicit)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._server.close()
        for dialog in tuple(self._open):
            dialog.abort()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # A socket that was aborted closes in the loop's next turn.
        await asyncio.sleep(0)

    def _dialog(self) -> "_Dialog":
        return _Dialog(
            self,
            hostname="mail.example.com",
            loop=self._loop,
            tls_context=self._starttls,
            require_starttls=self._starttls is not None,
            authenticator=self._authenticated if self.login else None,
            auth_exclude_mechanism=() if self.login else ("LOGIN", "PLAIN"),
            # With TLS from the first byte aiosmtpd does not see that there is TLS.
            auth_required=self.login is not None and self._implicit is None,
            auth_require_tls=self._implicit is None,
        )

    def _authenticated(self, *context: Any) -> AuthResult:
        given = context[-1]
        known = isinstance(given, LoginPassword) and self.login == (
            given.login.decode(),
            given.password.decode(),
        )
        return AuthResult(success=known, handled=False)

    async def handle_MAIL(
        self, dialog: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Called by aiosmtpd for MAIL."""
        if self.behavior.sender_reply.startswith("250"):
            envelope.mail_from = address
        return self.behavior.sender_reply

    async def handle_RCPT(
        self, dialog: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Called by aiosmtpd for RCPT."""
        reply = self.behavior.replies.get(address, "250 OK")
        if reply.startswith("250"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(self, dialog: SMTP, session: Session, envelope: Envelope) -> str:
        """Called by aiosmtpd for a whole mail."""
        raw, sender = envelope.content, envelope.mail_from
        assert isinstance(raw, bytes)
        assert sender is not None
        encrypted = self._implicit is not None or session.ssl is not None
        if self.behavior.data_reply.startswith("250"):
            with self._news:
                self._mails.append(Received(sender, tuple(envelope.rcpt_tos), raw, encrypted))
                self._news.notify_all()
        if self.behavior.after_data == "hang":
            await asyncio.Event().wait()
        if self.behavior.after_data == "reset":
            assert isinstance(dialog, _Dialog)
            dialog.abort()
        return self.behavior.data_reply


class _Dialog(SMTP):
    def __init__(self, server: MailServer, **settings: Any) -> None:
        self._owner = server
        self._socket: asyncio.Transport | None = None
        super().__init__(server, **settings)

    def connection_made(self, transport: Any) -> None:
        self._owner._open.add(self)
        # The first one is the socket's own; the second, after STARTTLS, is in there.
        self._socket = self._socket or transport
        behavior = self._owner.behavior.connect
        if behavior == "greet":
            super().connection_made(transport)
            return
        self.transport = transport
        if behavior == "reset":
            transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        self._owner._open.discard(self)
        if self.session is not None:
            super().connection_lost(error)

    def abort(self) -> None:
        """Break the connection without a word, whatever speaks through its socket by now."""
        if self._socket is not None:
            # Of TLS that was closed twice CPython 3.11 has forgotten what it could abort.
            with suppress(AttributeError):
                self._socket.abort()
