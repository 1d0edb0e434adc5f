"""What a run shows of what came of a step: bounded, on clean lines, and without secrets."""

import json
from collections.abc import Iterable

from watchbill.api.group import API_VERSION
from watchbill.api.runbook_run_status import MAX_OUTPUT
from watchbill.core.digest import digest
from watchbill.core.secret_forms import SHORTEST_SECRET, without
from watchbill.core.steps.contract import ApiRequest, RunFacts
from watchbill.core.steps.differences import MASK
from watchbill.core.texts import MARK, neutral_lines

MAX_KEPT = 512 * 1024
"""How much of an output is kept in an object of its own, in characters: one holds a megabyte."""


def masked(text: str, secrets: Iterable[str]) -> str:
    """The text with `***` in the place of each secret, also where it stands escaped or encoded."""
    return without(text, (each for each in secrets if len(each) >= SHORTEST_SECRET), MASK)


def shown(text: str, secrets: Iterable[str], limit: int = MAX_OUTPUT) -> str:
    """The end of a text, in at most `limit` characters, masked before it is cut: what failed stands last."""
    whole = neutral_lines(masked(text, secrets))
    return whole if len(whole) <= limit else MARK + whole[len(whole) - limit + len(MARK) :]


def is_cut(text: str, secrets: Iterable[str], limit: int = MAX_OUTPUT) -> bool:
    """Whether there is more than a status shows, which is then kept in an object of its own."""
    return len(neutral_lines(masked(text, secrets))) > limit


def keeping(text: str, step: str, run: RunFacts) -> ApiRequest | None:
    """The request that keeps an output, masked, in a ConfigMap; None where the status shows all of it.

    The ConfigMap goes when the run does.
    """
    if not is_cut(text, run.masked):
        return None
    name = f"{run.name[:180]}-{step[:40]}-{digest([run.uid, step])[:10]}"
    owner = {"apiVersion": API_VERSION, "kind": "RunbookRun", "name": run.name, "uid": run.uid}
    thing = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": run.namespace, "ownerReferences": [owner]},
        "data": {"output": shown(text, run.masked, MAX_KEPT)},
    }
    return ApiRequest(
        "patch", "v1", "ConfigMap", run.namespace, name, body=json.dumps(thing), content="apply"
    )
