"""The record of what was asked and answered, with all taken out that differs from run to run.

A version of an object becomes its rank among those of the case, so that equal, older and newer stay what
they were; the version of a list or a bookmark becomes whether anything newer had been seen.
"""

import base64
import json
import re
from typing import Any

from tests.support.apiserver.answers import Answer
from tests.support.apiserver.reading import JSON, Request

UID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
GENERATED = re.compile(r"[bcdfghjklmnpqrstvwxz2456789]{5}")
HOW = re.compile(r"(continue key is not valid|json parse error): .*")
TOO_OLD = re.compile(r"too old resource version: \d+ \(\d+\)")
VERSION = re.compile(r"(resourceVersion=|precondition \(|in record \()(\d+)")


class Transcript:
    """One case's requests and answers, in order."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._lines: list[tuple[str, Any]] = []
        self._uids: dict[str, str] = {}
        self._versions: set[int] = set()
        self._lists: set[str] = set()

    def asked(self, path: str, request: Request) -> None:
        """Note a request; the path is as the case has it."""
        query = "&".join(f"{name}={self._known(value)}" for name, value in request.query.items())
        kinds = [kind for kind in (request.content_type, request.accept) if kind != JSON]
        words = [request.method, path + (f"?{query}" if query else ""), *kinds]
        try:
            body = json.loads(request.body) if request.body else None
        except ValueError:
            body = str(request.body)
        self._lines.append((" ".join(words), self._dated(body)))

    def answered(self, answer: Answer) -> None:
        """Note an answer."""
        self._note(answer.body)
        self._lines.append((str(answer.code), self._related(self._dated(answer.body))))

    def told(self, events: list[Any]) -> None:
        """Note events of a watch."""
        for event in events:
            self._note(event["object"])
            self._lines.append((event["type"], self._related(self._dated(event["object"]))))

    def text(self) -> str:
        """All of it, one line each."""
        ranks = {str(version): f"v{rank}" for rank, version in enumerate(sorted(self._versions), 1)}
        lines = [f"{words} {json.dumps(_ranked(body, ranks), sort_keys=True)}" for words, body in self._lines]
        return "\n".join(self._plain(line.removesuffix(" null"), ranks) for line in lines)

    def _note(self, body: Any) -> None:
        if isinstance(body, list):
            for each in body:
                self._note(each)
        elif isinstance(body, dict):
            uid = body.get("uid")
            if isinstance(uid, str) and UID.fullmatch(uid):
                self._uids.setdefault(uid, f"uid-{len(self._uids) + 1}")
                self._versions.update(map(int, filter(None, [body.get("resourceVersion")])))
            for each in body.values():
                self._note(each)

    def _dated(self, body: Any) -> Any:
        """The body without what changes from run to run, but for the versions of objects."""
        if isinstance(body, list):
            return [self._dated(each) for each in body]
        if not isinstance(body, dict):
            return body
        found = {key: self._dated(value) for key, value in body.items() if key != "managedFields"}
        for key in ("creationTimestamp", "deletionTimestamp"):
            if SECONDS.fullmatch(str(found.get(key))):
                found[key] = "<seconds>"
        if found.get("continue"):
            found["continue"] = self._known_token(found["continue"])
        if prefix := found.get("generateName"):
            name = str(found.get("name"))
            if GENERATED.fullmatch(name[-5:]) and prefix.startswith(name[:-5]):
                found["name"] = f"{name[:-5]}<5 letters>"
        return found

    def _related(self, body: Any) -> Any:
        """The body with the version of a list or a bookmark as what it says of all versions seen."""
        metadata = body.get("metadata", {}) if isinstance(body, dict) else {}
        if "uid" in metadata or "resourceVersion" not in metadata:
            return body
        version = metadata["resourceVersion"]
        self._lists.add(version)
        is_newest = int(version) >= max(self._versions, default=0)
        return body | {"metadata": metadata | {"resourceVersion": "<newest>" if is_newest else "<past>"}}

    def _known(self, value: str) -> str:
        return "<of the list>" if value in self._lists else self._known_token(value)

    def _known_token(self, text: str) -> str:
        try:
            found = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            moment = "the present" if found["rv"] == -1 else "a moment"
            return f"<{moment} after {found['start'].encode().decode('unicode_escape').strip(chr(0))}>"
        except (ValueError, KeyError, TypeError):
            return text

    def _plain(self, text: str, ranks: dict[str, str]) -> str:
        text = text.replace(self._namespace, "shop")
        for uid, name in self._uids.items():
            text = text.replace(uid, name)
        text = HOW.sub(lambda found: f'{found[1]}: <how>"}}', text) if HOW.search(text) else text
        text = TOO_OLD.sub("too old resource version: <one> (<another>)", text)
        return VERSION.sub(lambda found: found[1] + ranks.get(found[2], found[2]), text)


def _ranked(body: Any, ranks: dict[str, str]) -> Any:
    if isinstance(body, list):
        return [_ranked(each, ranks) for each in body]
    if not isinstance(body, dict):
        return body
    found = {key: _ranked(value, ranks) for key, value in body.items()}
    version = found.get("resourceVersion")
    if isinstance(version, str):
        found["resourceVersion"] = ranks.get(version, version)
    return found
