"""The API server in memory is trusted because each case here is put to the real one too, with one result.

UPDATE_GOLDEN=1 writes down anew what the real server answers: read the diff.
"""

import json
import os
from collections.abc import Iterator

import pytest

from dev.cluster import Cluster
from dev.layout import Layout
from tests.conformance.servers import Etcd, InMemory, OverHttp, Server
from tests.conformance.suite import CASES, TOPICS, cases, record, recorded, transcript
from tests.support.apiserver.over_http import InThread
from tests.support.require import require


@pytest.fixture(scope="module")
def in_memory() -> Server:
    return InMemory()


@pytest.fixture(scope="module")
def over_http() -> Iterator[Server]:
    """The one in memory, served from a thread of its own."""
    memory = InMemory()

    def pass_time() -> None:
        memory.clock.advance(10)
        memory.api.tick()

    with InThread(memory.api) as served:
        server = OverHttp(served.url, memory, pass_time=pass_time)
        yield server
        server.close()


@pytest.fixture(scope="module")
def real(cluster: Cluster) -> Iterator[Server]:
    found = json.loads(Layout(cluster.kubeconfig.parent).record.read_text())
    require("etcd" in found, "an etcd that can be told to forget, which kind does not let us reach")
    server = OverHttp(cluster.url, Etcd(f"http://127.0.0.1:{found['etcd']}"), cluster.ssl_context())
    yield server
    server.close()


def answers(server: Server, topic: str, name: str) -> str:
    """What this server answers in the case, which has a namespace of its own."""
    number = list(CASES).index((topic, name))
    return transcript(server, f"conformance-{number:03}", CASES[topic, name])


@pytest.mark.parametrize(
    "kind", ["in_memory", pytest.param("real", marks=pytest.mark.cluster)], scope="module"
)
@pytest.mark.parametrize(("topic", "name"), CASES, ids=[f"{topic}-{name}" for topic, name in CASES])
def test_both_servers_answer_the_same(topic: str, name: str, kind: str, request: pytest.FixtureRequest):
    found = answers(request.getfixturevalue(kind), topic, name)
    if kind == "real" and os.environ.get("UPDATE_GOLDEN"):
        record(topic, recorded(topic) | {name: found})
    assert found == recorded(topic).get(name), "UPDATE_GOLDEN=1 writes down what the real server says"


@pytest.mark.parametrize("topic", TOPICS)
def test_over_http_the_answers_are_the_same(topic: str, over_http: Server):
    found = {name: answers(over_http, topic, name) for name, _ in cases(topic)}
    assert found == recorded(topic)


def test_what_was_written_down_is_of_a_case_and_there_are_enough_of_them():
    assert {(topic, name) for topic in TOPICS for name in recorded(topic)} == set(CASES)
    assert len(CASES) >= 60
