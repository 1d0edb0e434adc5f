"""Parameters in steps: a value changes nothing but itself."""

import json

import pytest

from tests.core.steps.driving import TARGET, step
from watchbill.core.steps.rendering import Scope, Unrenderable, rendered, text

EVIL = 'x"}], "evil": 1}\nspec: {evil: true}'


def scope(**parameters):
    return Scope(parameters, {"name": "checkout-500s", "namespace": "shop"}, {"name": "run-1"})


def patched(patch, **parameters):
    body = {"targetRef": TARGET, "patch": {"patch": patch}}
    kubernetes = rendered(step(kubernetes=body), scope(**parameters)).kubernetes
    assert kubernetes is not None
    assert kubernetes.patch is not None
    return json.loads(kubernetes.patch.patch)


def test_a_template_names_parameters_the_incident_and_the_run():
    said = "{{ parameters.size }} for {{ incident.name }} by {{ run.name }}"
    assert text(said, scope(size=3)) == "3 for checkout-500s by run-1"


def test_a_value_in_a_patch_adds_no_field():
    assert patched("spec: {image: '{{ parameters.image }}'}", image=EVIL) == {"spec": {"image": EVIL}}


def test_a_text_that_is_one_parameter_alone_has_its_type():
    patch = "{a: '{{ parameters.size }}', b: '{{ parameters.hold }}', c: 'n {{ parameters.size }}'}"
    assert patched(patch, size=3, hold=True) == {"a": 3, "b": True, "c": "n 3"}


def test_a_value_in_a_json_body_adds_no_field():
    body = rendered(
        step(http={"url": "https://a.example/", "body": '{"a": "{{ parameters.v }}"}'}), scope(v=EVIL)
    )
    assert body.http is not None
    assert json.loads(body.http.body or "") == {"a": EVIL}


@pytest.mark.parametrize("value", [".", ".."])
@pytest.mark.parametrize("path", ["{{ parameters.v }}/off", "a/{{ parameters.v }}", "{{ parameters.v }}?q=1"])
def test_a_value_in_a_url_is_no_step_up(value: str, path: str):
    with pytest.raises(Unrenderable, match=r"http\.url: a parameter must not make"):
        rendered(step(http={"url": f"https://a.example/v1/{path}"}), scope(v=value))


def test_a_value_in_a_query_is_any():
    asked = rendered(step(http={"url": "https://a.example/v1?q=a/{{ parameters.v }}/b"}), scope(v="..")).http
    assert asked is not None
    assert asked.url == "https://a.example/v1?q=a/../b"


def test_a_value_in_a_url_is_no_other_path():
    url = "https://a.example/v1/{{ parameters.v }}/off"
    asked = rendered(step(http={"url": url}), scope(v="../admin?x=1#y")).http
    assert asked is not None
    assert asked.url == "https://a.example/v1/..%2Fadmin%3Fx%3D1%23y/off"


def test_a_value_in_a_query_stays_in_its_quotes():
    query = {"url": "https://a.example", "query": 'up{job="{{ parameters.v }}"}'}
    check = rendered(step(check={"promQL": query}), scope(v='a"} or vector(1)#')).check
    assert check is not None
    assert check.prom_ql is not None
    assert check.prom_ql.query == 'up{job="a\\"} or vector(1)#"}'


def test_a_parameter_may_have_the_name_of_a_method():
    assert text("{{ parameters.items }}", scope(items="three")) == "three"


def test_a_condition_has_no_templates():
    condition = "object.metadata.name == '{{ parameters.v }}'"
    check = rendered(step(check={"targetRef": TARGET, "condition": condition}), scope(v="a")).check
    assert check is not None
    assert check.condition == condition


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"manual": {"text": "{{ parameters.other }}"}}, "manual.text: `parameters.other` is not known"),
        ({"manual": {"text": "{{ secrets.a }}"}}, "manual.text: must be text and "),
        ({"manual": {"text": "{{ secrets }}"}}, "manual.text: `secrets` is not known"),
        ({"manual": {"text": "{% for a in b %}{% endfor %}"}}, "manual.text: must be text and "),
        ({"manual": {"text": "{{ parameters.v.__class__ }}"}}, "manual.text: must be text and "),
        (
            {"kubernetes": {"targetRef": TARGET, "patch": {"patch": "spec: {a: {{ parameters.v }}}"}}},
            "kubernetes.patch.patch: is no YAML: ",
        ),
        (
            {"kubernetes": {"targetRef": TARGET, "patch": {"patch": "spec: {a: 2026-03-09}"}}},
            "kubernetes.patch.patch: holds what JSON has no word for",
        ),
        (
            {"job": {"image": "a", "command": ["x", "{{ parameters.nope }}"]}},
            "job.command[1]: `parameters.nope` is not known",
        ),
    ],
)
def test_what_cannot_be_filled_in_is_named_by_its_path(body, problem):
    with pytest.raises(Unrenderable) as raised:
        rendered(step(**body), scope(v="a"))
    assert str(raised.value).startswith(problem)


@pytest.mark.parametrize(
    "command", [("sh", "-c", "a {{ parameters.v }}"), ("/bin/bash", "-ec", "{{ parameters.v }}")]
)
def test_a_value_is_no_script_of_a_shell(command: tuple[str, ...]):
    with pytest.raises(Unrenderable, match=r"job\.command\[2\]: a shell reads it"):
        rendered(step(job={"image": "a", "command": command}), scope(v="x"))


@pytest.mark.parametrize(
    "command", [("flush", "-c", "{{ parameters.v }}"), ("sh", "-c", 'a "$1"', "a", "{{ parameters.v }}")]
)
def test_a_value_is_an_argument_of_a_program(command: tuple[str, ...]):
    job = rendered(step(job={"image": "a", "command": command}), scope(v="x; y")).job
    assert job is not None
    assert job.command[-1] == "x; y"
