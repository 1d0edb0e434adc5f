"""The checked-in files are what the models say now."""

import pytest
import yaml

from dev import generate
from dev.layout import REPOSITORY
from watchbill.api.crd import crds, render_yaml
from watchbill.api.kinds import KINDS


def test_no_generated_file_is_stale():
    found = [str(path.relative_to(REPOSITORY)) for path in generate.stale()]
    assert found == [], "run `make generate`"


def test_every_kind_has_a_file_of_its_own():
    files = {path.name for path in (REPOSITORY / "crds").glob("*.yaml")}
    assert files == {f"{kind.plural}.watchbill.dev.yaml" for kind in KINDS}


def test_a_file_holds_its_crd():
    for crd in crds():
        text = (REPOSITORY / "crds" / f"{crd['metadata']['name']}.yaml").read_text()
        assert yaml.safe_load(text) == crd


def test_the_same_objects_make_the_same_text_whatever_the_order_of_their_keys():
    crd = crds()[0]
    assert render_yaml([crd]) == render_yaml([dict(reversed(crd.items()))])
    assert "&id" not in render_yaml(crds())


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    monkeypatch.setattr(generate, "GENERATED", [("crds/a.yaml", lambda: "a\n"), ("docs/b.md", lambda: "b\n")])
    return tmp_path


def test_generating_writes_what_is_absent_and_then_nothing(checkout, capsys):
    assert generate.main(False, checkout) == 0
    assert (checkout / "crds/a.yaml").read_text() == "a\n"
    assert capsys.readouterr().out == "written: crds/a.yaml\nwritten: docs/b.md\n"
    assert generate.main(False, checkout) == 0
    assert capsys.readouterr().out == ""


def test_checking_names_what_is_stale_and_writes_nothing(checkout, capsys):
    generate.main(False, checkout)
    (checkout / "docs/b.md").write_text("edited by hand\n")
    (checkout / "crds/left.yaml").write_text("of a kind that is gone\n")
    capsys.readouterr()
    assert generate.main(True, checkout) == 1
    assert capsys.readouterr().out.splitlines() == [
        "stale: docs/b.md",
        "stale: crds/left.yaml",
        "Run `make generate`, and commit what it writes.",
    ]
    assert (checkout / "docs/b.md").read_text() == "edited by hand\n"


def test_generating_removes_what_no_kind_makes_any_more(checkout):
    generate.main(False, checkout)
    (checkout / "crds/left.yaml").write_text("of a kind that is gone\n")
    assert generate.main(False, checkout) == 0
    assert not (checkout / "crds/left.yaml").exists()
    assert generate.main(True, checkout) == 0
