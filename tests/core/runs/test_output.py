"""What a run shows is bounded, and holds no secret."""

import json

from watchbill.core.runs.output import is_cut, keeping, masked, shown
from watchbill.core.steps.contract import RunFacts


def test_the_end_of_a_long_output_is_shown():
    text = "\n".join(f"line {n}" for n in range(2000))
    assert shown(text, ()).endswith("line 1999")
    assert len(shown(text, ())) <= 4096
    assert is_cut(text, ())
    assert not is_cut("short", ())


def test_secrets_are_masked_before_anything_is_cut():
    assert masked("a opensesame b", ["opensesame"]) == "a *** b"
    text = "x" * 4090 + "opensesame"
    assert "opens" not in shown(text, ["opensesame"])
    assert "sesame" not in shown(text, ["opensesame"])


def test_the_longest_secret_is_masked_first():
    assert masked("opensesame", ["opens", "opensesame"]) == "***"


def test_control_characters_reach_nobody():
    assert "\x1b" not in shown("\x1b[31mred", ())


def test_what_is_not_shown_is_kept_masked_in_an_object_that_goes_with_the_run():
    facts = RunFacts("u-1", "shop", "run-1", "responder", "", masked=("opensesame",))
    assert keeping("short", "act", facts) is None
    request = keeping("opensesame " * 2000, "act", facts)
    assert request is not None
    thing = json.loads(request.body)
    assert (request.kind, request.name) == ("ConfigMap", thing["metadata"]["name"])
    assert thing["metadata"]["ownerReferences"][0]["uid"] == "u-1"
    assert len(thing["data"]["output"]) > 4096
    assert "opensesame" not in request.body
