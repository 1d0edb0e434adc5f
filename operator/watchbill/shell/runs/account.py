"""Acts as the ServiceAccount that a runbook names, by tokens that live for minutes and in memory alone.

The operator holds no right to any workload. A team lets it have tokens of one account, and takes that back,
by a Role in the team's own namespace.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from watchbill.core.outcomes import Result
from watchbill.shell.kube import Forbidden, Kube, KubeError, NotFound
from watchbill.shell.paths import core_path

LIFETIME = 600
"""Seconds that a token is asked for; the API server gives none for less (`TokenRequestSpec`)."""

KEPT_FOR = 480.0
"""Seconds for which a token is used: it ends well after the last request that shows it."""


class Account(NamedTuple):
    """A ServiceAccount."""

    namespace: str
    name: str


class AccountProblem(Exception):
    """A token that cannot be had; the message says what to do."""

    def __init__(self, result: Result, message: str) -> None:
        super().__init__(message)
        self.result = result
        """AUTH where the team must do something; RETRY where the API server has no answer."""
        self.message = message


@dataclass(slots=True)
class _Token:
    value: str = field(repr=False)
    asked_at: float


class Accounts:
    """The tokens of accounts, asked for when they are used; no status, log, Event or metric has one."""

    def __init__(self, kube: Kube, monotonic: Callable[[], float], service_account: str) -> None:
        """Ask as this service account, `<namespace>:<name>`, which only messages need."""
        self._kube = kube
        self._monotonic = monotonic
        self._service_account = service_account
        self._held: dict[Account, _Token] = {}
        self._asking: dict[Account, asyncio.Lock] = {}

    async def token(self, account: Account) -> str:
        """A token that is good for two minutes at least; raises AccountProblem."""
        # Whoever comes while it is asked for waits for that answer.
        async with self._asking.setdefault(account, asyncio.Lock()):
            self._drop_the_old()
            if (held := self._held.get(account)) is None:
                asked_at = self._monotonic()
                held = self._held[account] = _Token(await self._ask(account), asked_at)
            return held.value

    def refused(self, account: Account, token: str) -> None:
        """Forget a token that the API server does not take, be it that the account was made anew."""
        if (held := self._held.get(account)) is not None and held.value == token:
            del self._held[account]

    def _drop_the_old(self) -> None:
        oldest = self._monotonic() - KEPT_FOR
        self._held = {account: held for account, held in self._held.items() if held.asked_at > oldest}

    async def _ask(self, account: Account) -> str:
        path = f"{core_path('serviceaccounts', *account)}/token"
        body: dict[str, Any] = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": LIFETIME},
        }
        try:
            answer = await self._kube.post(path, body)
        except Forbidden as error:
            raise AccountProblem(Result.AUTH, self._grant(account)) from error
        except NotFound as error:
            namespace, name = account
            said = f"ServiceAccount {name} is not in namespace {namespace}; create it: "
            command = f"kubectl -n {namespace} create serviceaccount {name}"
            raise AccountProblem(Result.AUTH, said + command) from error
        except KubeError as error:
            said = f"no token of ServiceAccount {account.name}: {error}"
            raise AccountProblem(Result.RETRY, said) from error
        return str(answer["status"]["token"])

    def _grant(self, account: Account) -> str:
        namespace, name = account
        role = f"{name}-token"
        return (
            f"watchbill may have no token of ServiceAccount {name}; let it: "
            f"kubectl -n {namespace} create role {role} --verb=create --resource=serviceaccounts/token "
            f"--resource-name={name} && kubectl -n {namespace} create rolebinding {role} --role={role} "
            f"--serviceaccount={self._service_account}"
        )
