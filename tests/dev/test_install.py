"""What is installed, and when it counts as in force."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dev import probe
from dev.client import Answer
from dev.errors import DevError
from dev.install import CRDS, POLICIES, ROLES, Manifests
from dev.waiting import wait_until


@dataclass
class Server:
    answer: Answer | OSError
    asked: list[dict[str, Any]] = field(default_factory=list)

    def post(self, path: str, body: dict[str, Any]) -> Answer:
        assert "dryRun=All" in path
        self.asked.append(body)
        return self.get(path)

    def get(self, path: str) -> Answer:
        if isinstance(self.answer, OSError):
            raise self.answer
        return self.answer


def answered(status: int, message: str = "", **body: Any) -> Server:
    return Server(Answer(status, {"message": message, **body}))


def test_missing_manifests_are_one_sentence_that_names_the_folders(tmp_path: Path) -> None:
    (tmp_path / CRDS).mkdir()
    (tmp_path / CRDS / "incidents.yaml").touch()
    with pytest.raises(DevError, match=f"in {ROLES}/ and {POLICIES}/; run `make generate` first"):
        Manifests(tmp_path).require()


@pytest.mark.parametrize(
    ("server", "in_force"),
    [
        pytest.param(
            answered(422, "denied request: spec.setBy.declaration must name you, `admin`"),
            True,
            id="a refusal of the false author shows the policies in force",
        ),
        pytest.param(
            answered(403, "denied request: write that key, not `somebody-else`"),
            True,
            id="a refusal of the false acknowledgement shows the policies in force",
        ),
        pytest.param(answered(201), False, id="an Incident that is let through shows none"),
        pytest.param(
            answered(422, "denied request: failed to find resource referenced by paramKind"),
            False,
            id="a refusal for another reason shows none",
        ),
        pytest.param(answered(404, "not found"), False, id="an unserved kind shows none"),
        pytest.param(Server(OSError("reset")), False, id="no answer shows none"),
    ],
)
def test_the_probe(server: Any, in_force: bool) -> None:
    assert (probe.false_name_is_let_through(server) is None) is in_force
    assert server.asked[0]["spec"]["setBy"] == {"declaration": "somebody-else"}


@pytest.mark.parametrize(
    ("server", "in_force"),
    [
        pytest.param(answered(201, spec={"setBy": {"declaration": "admin"}}), True, id="a filled-in author"),
        pytest.param(answered(201, spec={}), False, id="an Incident without author"),
        pytest.param(answered(503, "there can be a delay"), False, id="an unavailable kind"),
    ],
)
def test_authors_are_filled_in_when_the_answer_has_one(server: Any, in_force: bool) -> None:
    assert (probe.author_is_not_filled_in(server, "admin") is None) is in_force


@pytest.mark.parametrize(
    ("server", "in_force"),
    [
        pytest.param(answered(200), True, id="a list shows that token and role are known"),
        pytest.param(answered(401), False, id="an unknown token is not enough"),
        pytest.param(answered(403), False, id="a token without role is not enough"),
        pytest.param(Server(OSError("reset")), False, id="no answer is not enough"),
    ],
)
def test_the_operator_is_known(server: Any, in_force: bool) -> None:
    assert (probe.operator_sees_no_incidents(server) is None) is in_force


def test_waiting_ends_with_the_last_complaint() -> None:
    with pytest.raises(DevError, match="After 0 s still: it rains"):
        wait_until(lambda: "it rains", seconds=0)
