"""The ways in which a secret may stand in a text: as it is, escaped, or encoded."""

import base64
import json
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

SHORTEST_SECRET = 4
"""A shorter text that a tenant names is no secret, and would mask half of what is said."""

SHORTEST_PART = 8
"""A shorter part of an encoding would be found where there is no secret."""


def without(text: str, secrets: Iterable[str], mask: str) -> str:
    """The text with the mask in the place of each secret, also where it stands escaped or encoded."""
    if not text:
        return text
    # The longest first: a secret that is part of another must not leave the other's rest behind.
    for form in sorted({form for secret in secrets for form in _forms(secret)}, key=len, reverse=True):
        text = text.replace(form, mask)
    return text


def credentials(authorization: str) -> tuple[str, ...]:
    """What an Authorization header keeps secret: the whole, what follows its scheme, and a password."""
    rest = authorization.partition(" ")[2].strip()
    if authorization.partition(" ")[0].lower() != "basic":
        return tuple(each for each in (authorization, rest) if each)
    try:
        login = base64.b64decode(rest).decode()
    except ValueError:
        login = ""
    return tuple(each for each in (authorization, rest, login, login.partition(":")[2]) if each)


def _forms(secret: str) -> Iterator[str]:
    return (form for form in (*_escaped(secret), *_encoded(secret.encode())) if form)


def _escaped(secret: str) -> Iterator[str]:
    yield from (secret, quote(secret), quote(secret, safe=""), quote_plus(secret))
    once = json.dumps(secret)[1:-1]
    # JSON stands in JSON where a request is kept.
    yield from (once, json.dumps(once)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1])


def _encoded(secret: bytes) -> Iterator[str]:
    """Base64 of the secret alone, and what is always part of it where it stands within something longer."""
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        alone = encode(secret).decode()
        yield from (alone, alone.rstrip("=")) if len(alone) >= SHORTEST_PART else ()
        for before in range(3):
            whole = encode(bytes(before) + secret).decode().rstrip("=")
            # A letter holds six bits: the first and the last ones may hold a neighbor's too.
            part = whole[-(-before * 8 // 6) : (before + len(secret)) * 8 // 6]
            yield part if len(part) >= SHORTEST_PART else ""
