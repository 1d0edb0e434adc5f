"""What each provider sends, word for word. UPDATE_GOLDEN=1 writes the files anew: read the diff."""

import json
import os
from typing import Any

import pytest

from tests.providers.pages import NOW, ROOT, acknowledge, incident, resolve, settings_for, trigger
from watchbill.core.effects import PageEffect
from watchbill.providers.contract import LogLine, Mail, Request
from watchbill.providers.registry import PROVIDERS

CASES: dict[str, PageEffect] = {
    "a page": trigger(),
    "a page that is repeated and late": trigger(repeated=True, late="12m"),
    "a page while the API server is unreachable": trigger(unseen_since="01:12"),
    "a page of the least severity without more": trigger(
        incident(severity="SEV-4", rank=4, summary="", services=())
    ),
    "an acknowledgement": acknowledge(),
    "a resolve": resolve(),
}


def shown(built: Request | LogLine | Mail) -> dict[str, Any]:
    if isinstance(built, LogLine):
        return {"text": built.text}
    if isinstance(built, Mail):
        return {
            "server": f"{built.host}:{built.port} {built.tls}",
            "from": built.sender,
            "to": built.recipients,
            "message": built.message.decode("ascii").split("\r\n"),
        }
    return {
        "method": built.method,
        "url": built.url,
        "headers": dict(built.headers),
        "body": json.loads(built.body),
    }


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", PROVIDERS)
def test_the_request_equals_its_golden_file(name: str, case: str):
    provider, effect = PROVIDERS[name], CASES[case]
    if effect.action != "trigger" and effect.action not in provider.capabilities:
        return
    path = ROOT / f"tests/providers/golden/{name}/{case.replace(' ', '-')}.json"
    text = json.dumps(shown(provider.build(effect, settings_for(name), NOW)), indent=2, ensure_ascii=False)
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")
    assert path.is_file(), f"{path} is missing: UPDATE_GOLDEN=1 writes it"
    assert path.read_text(encoding="utf-8") == text + "\n"


@pytest.mark.parametrize("name", PROVIDERS)
def test_no_golden_file_is_left_over(name: str):
    known = {f"{case.replace(' ', '-')}.json" for case in CASES}
    found = {path.name for path in (ROOT / f"tests/providers/golden/{name}").iterdir()}
    assert found <= known
