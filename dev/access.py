"""How a control plane is reached, and by whom."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from dev.client import Client
from dev.pki import KeyPair


@dataclass(frozen=True)
class Access:
    """The address of a control plane, its authority, and its first person."""

    url: str
    authority: KeyPair
    admin: KeyPair
    people: Path

    def context(self) -> ssl.SSLContext:
        """A TLS context that trusts the server and shows it the administrator's certificate."""
        context = self.anonymous_context()
        context.load_cert_chain(self.admin.certificate, self.admin.key)
        return context

    def anonymous_context(self) -> ssl.SSLContext:
        """A TLS context that trusts the server and shows it nobody."""
        return ssl.create_default_context(cafile=str(self.authority.certificate))

    def client(self) -> Client:
        """A client that acts as the administrator."""
        return Client(self.url, self.context())
