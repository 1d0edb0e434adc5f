"""Reads Secrets when they are used; what is read is in no status, Event, log, metric or traceback."""

import asyncio
import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from watchbill.api.group import SECRET_READER_ROLE
from watchbill.api.reasons import Reason
from watchbill.shell.kube import TIMEOUT, Body, Forbidden, Kube, NotFound, Refused, Unreachable
from watchbill.shell.paths import core_path

MAX_AGE = 60.0
"""Seconds for which a Secret that was read is not read again, unless a vendor refused what it holds."""

REREAD_TIMEOUT = 2.0
"""Seconds that a read may take where the last good values are at hand: a page waits for it."""

FINGERPRINT_LENGTH = 8

Where = tuple[str, str]
"""A namespace and the name of a Secret in it."""


class SecretProblem(Exception):
    """A value that cannot be had; the message says what to do, and holds no value."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


@dataclass(slots=True)
class _Held:
    """What a Secret held when it was last read."""

    values: Mapping[str, str] = field(repr=False)
    """Keys whose value is no text are left out."""
    read_at: float


class SecretReader:
    """The values of Secrets, at most 60 s old; the last good ones while the API server has no answer."""

    def __init__(self, kube: Kube, monotonic: Callable[[], float], service_account: str) -> None:
        """Read as this service account, `<namespace>:<name>`, which only messages need."""
        self._kube = kube
        self._monotonic = monotonic
        self._service_account = service_account
        self._held: dict[Where, _Held] = {}
        self._reading: dict[Where, asyncio.Lock] = {}

    async def read(self, namespace: str, name: str, key: str) -> str:
        """The value under the key, without white space around it.

        Raises SecretProblem, or another KubeError where it was never read and the server has no answer.
        """
        values = await self._values((namespace, name))
        if key not in values:
            raise SecretProblem(
                Reason.SECRET_KEY_MISSING,
                f"Secret {name} has no text under the key {key}; set it: kubectl -n {namespace} "
                f"patch secret {name} --type=merge -p 'stringData: {{{key}: ...}}'",
            )
        return values[key]

    def invalidate(self, namespace: str, name: str) -> None:
        """Have the Secret read again at its next use: a vendor refused what it holds."""
        if held := self._held.get((namespace, name)):
            held.read_at = float("-inf")

    async def _values(self, where: Where) -> Mapping[str, str]:
        # Whoever comes while it is read waits for that answer.
        async with self._reading.setdefault(where, asyncio.Lock()):
            held = self._held.get(where)
            if held is not None and self._monotonic() - held.read_at < MAX_AGE:
                return held.values
            try:
                timeout = TIMEOUT if held is None else REREAD_TIMEOUT
                body = await self._kube.get(core_path("secrets", *where), timeout=timeout)
            except (Unreachable, Refused):
                if held is None:
                    raise
                return held.values
            except (NotFound, Forbidden) as error:
                self._held.pop(where, None)
                raise self._problem(where, error) from error
            self._held[where] = _Held(_decoded(body), self._monotonic())
            return self._held[where].values

    def _problem(self, where: Where, error: NotFound | Forbidden) -> SecretProblem:
        namespace, name = where
        if isinstance(error, NotFound):
            return SecretProblem(
                Reason.SECRET_NOT_FOUND,
                f"Secret {name} is not in namespace {namespace}; create it: "
                f"kubectl -n {namespace} create secret generic {name} --from-literal=<key>=<value>",
            )
        return SecretProblem(
            Reason.SECRET_FORBIDDEN,
            f"watchbill may not read Secret {name}; let it: kubectl -n {namespace} create rolebinding "
            f"watchbill-secrets --clusterrole={SECRET_READER_ROLE} --serviceaccount={self._service_account}",
        )


def fingerprint(incident_uid: str, values: Mapping[str, str]) -> str:
    """Eight hex digits that tell one credential from another, for one incident alone (rule 12).

    The uid is the key, so that nobody can compare credentials across incidents.
    """
    digest = hmac.new(incident_uid.encode(), digestmod=hashlib.sha256)
    for path, value in sorted(values.items()):
        for text in (path, value):
            content = text.encode()
            digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()[:FINGERPRINT_LENGTH]


def _decoded(body: Body) -> dict[str, str]:
    values = {}
    for key, encoded in (body.get("data") or {}).items():
        try:
            # What people pipe into `kubectl create secret` often ends in a line break.
            values[key] = base64.b64decode(encoded).decode().strip()
        except (binascii.Error, UnicodeDecodeError):
            continue
    return {key: value for key, value in values.items() if value}
