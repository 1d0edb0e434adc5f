"""A small client of the API server, for what kubectl would take a process each."""

import http.client
import json
import ssl
import urllib.parse
from dataclasses import dataclass
from typing import Any

UNREACHABLE = (OSError, http.client.HTTPException)
"""What a request raises when the server did not answer."""


@dataclass(frozen=True)
class Answer:
    """The status and the JSON body of a response; another body is the text of `message`."""

    status: int
    body: dict[str, Any]

    @property
    def succeeded(self) -> bool:
        """True for a 2xx answer."""
        return http.HTTPStatus.OK <= self.status < http.HTTPStatus.MULTIPLE_CHOICES

    @property
    def message(self) -> str:
        """What the server said, in its own words."""
        return str(self.body.get("message", ""))


@dataclass(frozen=True)
class Client:
    """Requests as one user: by the client certificate of the context, or by a token."""

    url: str
    context: ssl.SSLContext
    token: str | None = None

    def get(self, path: str) -> Answer:
        """The answer to a GET."""
        return self._request("GET", path, None)

    def post(self, path: str, body: dict[str, Any]) -> Answer:
        """The answer to a POST of this object."""
        return self._request("POST", path, body)

    def _request(self, method: str, path: str, body: dict[str, Any] | None) -> Answer:
        address = urllib.parse.urlsplit(self.url)
        connection = http.client.HTTPSConnection(
            address.hostname or "", address.port, context=self.context, timeout=10
        )
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            return Answer(response.status, _parsed(response.read()))
        finally:
            connection.close()


def _parsed(content: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(content)
    except ValueError:
        parsed = None
    return parsed if isinstance(parsed, dict) else {"message": content.decode(errors="replace")}
