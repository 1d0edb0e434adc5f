"""Mail by SMTP, through any mail server: each page is a mail, and the mails of an incident are a thread.

The message: https://www.rfc-editor.org/rfc/rfc5322
The replies: https://www.rfc-editor.org/rfc/rfc5321#section-4.2
Mails that no person wrote: https://www.rfc-editor.org/rfc/rfc3834
"""

import base64
import hashlib
from datetime import datetime
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy

from watchbill.api.connection import Smtp
from watchbill.core import texts
from watchbill.core.effects import PageEffect, SendPage, hop_of
from watchbill.core.outcomes import Result
from watchbill.providers.contract import (
    Capability,
    Mail,
    Misconfigured,
    Rate,
    Response,
    Settings,
    Verdict,
)
from watchbill.providers.retryable import MESSAGE_LIMIT
from watchbill.providers.secret_values import secret

TLS = "smtp.tls"
USERNAME = "smtp.usernameSecretRef"
PASSWORD = "smtp.passwordSecretRef"

PORTS = {"StartTLS": 587, "Implicit": 465, "None": 25}
SUBJECT_LIMIT = 200
REPLY_LIMIT = 80
"""How much is quoted of what the server says of one recipient, in characters."""

ACCEPTED = range(200, 300)
REFUSED_FOR_NOW = range(400, 500)
REFUSED = range(500, 600)

# RFC 4954: log in first, a stronger way to log in, no such user or password, only over TLS.
_CREDENTIAL_REFUSED = frozenset((530, 534, 535, 538))


class SmtpProvider:
    """Pages by mail; accepted is what the mail server took for at least one recipient."""

    name = "smtp"
    # Two mails with one Message-ID are two deliveries: only some readers show them as one.
    unkeyed = True
    real = True
    capabilities: frozenset[Capability] = frozenset(("acknowledge", "resolve"))
    # Ours: servers count by the hour and by the sender, and one that has enough answers 4xx.
    rate = Rate(burst=20, per_second=2)

    def build(self, effect: PageEffect, settings: Settings, now: datetime) -> Mail:
        """The mail for the effect; its Message-ID comes from the page's key, and is the same at every try."""
        vendor: Smtp = settings.vendor
        username, password = _credential(vendor, settings)
        return Mail(
            host=vendor.host,
            port=vendor.port or PORTS[vendor.tls],
            tls=vendor.tls,
            sender=vendor.from_,
            recipients=vendor.to,
            message=_message(effect, vendor, now).as_bytes(),
            username=username,
            password=password,
            secrets=_forms(username, password) if username else (),
        )

    def parse(self, response: Response, now: datetime) -> Verdict:
        """What the reply means; who was refused where others were not is named, and not retried."""
        if response.status in ACCEPTED:
            return _accepted(response)
        return Verdict(
            _result(response),
            reason=f"SMTP{response.status}",
            message=texts.cut(_complaint(response), MESSAGE_LIMIT),
        )


class _Verbatim(UnstructuredHeader, BaseHeader):
    """A header on one line as it is: folding would encode a long word, and an encoded id is none."""

    def fold(self, *, policy: Policy) -> str:
        return f"{self.name}: {self}{policy.linesep}"


def _headers() -> HeaderRegistry:
    registry = HeaderRegistry()
    for name in ("message-id", "in-reply-to", "references", "x-watchbill-key"):
        registry.map_to_type(name, _Verbatim)
    return registry


# Seven bits pass every server. The policy refuses a line break in any header.
_POLICY = SMTP.clone(cte_type="7bit", header_factory=_headers())


def _message(effect: PageEffect, vendor: Smtp, now: datetime) -> EmailMessage:
    message = EmailMessage(_POLICY)
    message["Date"] = now
    message["From"] = Address("Watchbill", addr_spec=vendor.from_)
    message["To"] = tuple(Address(addr_spec=address) for address in vendor.to)
    message["Subject"] = _subject(effect)
    for name, value in _thread(effect, vendor.from_.rpartition("@")[2]).items():
        message[name] = value
    # No person wrote it, so no "out of office" may answer it.
    message["Auto-Submitted"] = "auto-generated"
    message["X-Incident-UID"] = effect.incident.uid
    message["X-Watchbill-Action"] = effect.action
    message["X-Watchbill-Key"] = hop_of(effect).key
    message.set_content(texts.page_text(effect))
    return message


def _subject(effect: PageEffect) -> str:
    """The page's title line; what follows answers it, since some readers thread by the subject too."""
    if isinstance(effect, SendPage):
        return texts.title_line(effect, SUBJECT_LIMIT)
    page = SendPage(effect.incident, effect.page, effect.hop)
    return f"Re: {texts.title_line(page, SUBJECT_LIMIT)}"


def _thread(effect: PageEffect, domain: str) -> dict[str, str]:
    """The headers that make one thread of all mails of an incident.

    Its root is a mail that is never sent: whichever mail comes first, the others stand beside it.
    """
    root = _id(effect.incident.uid, domain)
    key = hop_of(effect).key
    page = _id(f"{key}/trigger", domain)
    if isinstance(effect, SendPage):
        return {"Message-ID": page, "In-Reply-To": root, "References": root}
    own = _id(f"{key}/{effect.action}", domain)
    return {"Message-ID": own, "In-Reply-To": page, "References": f"{root} {page}"}


def _id(identity: str, domain: str) -> str:
    return f"<{hashlib.sha256(identity.encode()).hexdigest()[:32]}@{domain}>"


def _credential(vendor: Smtp, settings: Settings) -> tuple[str, str]:
    """The user name and the password, both empty where none is named."""
    refs = (vendor.username_secret_ref, vendor.password_secret_ref)
    if refs == (None, None):
        return "", ""
    if None in refs:
        missing = USERNAME if refs[0] is None else PASSWORD
        raise Misconfigured(missing, "a user name and a password must be set together")
    if vendor.tls == "None":
        raise Misconfigured(TLS, "must be StartTLS or Implicit: a password must not travel in the clear")
    return secret(settings, USERNAME), secret(settings, PASSWORD)


def _forms(username: str, password: str) -> tuple[str, ...]:
    """The credential in every form in which it is sent, and a server could quote it."""
    whole = f"\0{username}\0{password}"
    encoded = (base64.b64encode(text.encode()).decode() for text in (username, password, whole))
    return (username, password, *encoded)


def _accepted(response: Response) -> Verdict:
    if not response.refused:
        return Verdict(Result.OK)
    return Verdict(
        Result.OK,
        reason="RecipientsRefused",
        message=texts.cut(f"the mail server refused {_refusals(response)}", MESSAGE_LIMIT),
    )


def _result(response: Response) -> Result:
    if response.status in REFUSED_FOR_NOW:
        return Result.RETRY
    if response.status not in REFUSED:
        return Result.UNKNOWN
    asked_to_log_in = response.status in _CREDENTIAL_REFUSED
    return Result.AUTH if asked_to_log_in or response.headers.get("command") == "AUTH" else Result.PERMANENT


def _complaint(response: Response) -> str:
    if response.refused:
        return f"the mail server refused {_refusals(response)}"
    command = response.headers.get("command", "")
    said = texts.neutral(response.body.decode(errors="replace"))
    return f"the answer to {command or 'the mail'} was {response.status}" + (f": {said}" if said else "")


def _refusals(response: Response) -> str:
    return ", ".join(
        f"{address} ({texts.cut(texts.neutral(said), REPLY_LIMIT)})"
        for address, said in response.refused.items()
    )
