"""All cases, and what the real server answered to each of them when it was last asked."""

import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType

from tests.conformance import (
    creating,
    deleting,
    ending_namespaces,
    finding,
    kubernetes_own,
    listing,
    patching,
    selecting,
    statuses,
    updating,
    watching,
)
from tests.conformance.api import Api, Case
from tests.conformance.servers import Server

ANSWERS = Path(__file__).parent / "answers"

TOPICS: Mapping[str, ModuleType] = {
    module.__name__.rpartition(".")[2]: module
    for module in (
        creating,
        updating,
        patching,
        statuses,
        deleting,
        listing,
        watching,
        ending_namespaces,
        kubernetes_own,
        finding,
        selecting,
    )
}


def cases(topic: str) -> Iterator[tuple[str, Case]]:
    """The cases of a topic: each public function of its module that takes a server."""
    module = TOPICS[topic]
    for name, found in vars(module).items():
        if inspect.isfunction(found) and found.__module__ == module.__name__ and not name.startswith("_"):
            yield name, found


CASES = {(topic, name): case for topic in TOPICS for name, case in cases(topic)}


def transcript(server: Server, namespace: str, case: Case) -> str:
    """What was asked and answered in the case, which has the namespace for itself; raises what it asserts."""
    api = Api(server, namespace)
    api.quietly("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
    case(api)
    return api.transcript.text()


def recorded(topic: str) -> dict[str, str]:
    """What the real server answered, case by case."""
    path = ANSWERS / f"{topic}.txt"
    sections = f"\n{path.read_text()}".split("\n# ")[1:] if path.exists() else []
    parts = [section.partition("\n") for section in sections]
    return {title.replace(" ", "_"): text.strip() for title, _, text in parts}


def record(topic: str, answers: Mapping[str, str]) -> None:
    """Write down what the real server answered."""
    order = [name for name, _ in cases(topic) if name in answers]
    ANSWERS.mkdir(exist_ok=True)
    text = "\n".join(f"# {name.replace('_', ' ')}\n{answers[name]}\n" for name in order)
    (ANSWERS / f"{topic}.txt").write_text(text)
