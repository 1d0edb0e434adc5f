"""The chart, rendered by the pinned Helm: once for the same arguments."""

import copy
import os
import subprocess
from functools import cache
from typing import Any

import yaml

from dev.assets import find_helm
from dev.build import HELM_CLIENT, Part
from dev.chart import CHART
from dev.layout import REPOSITORY
from tests.support.require import require

Json = dict[str, Any]

FOLDER = REPOSITORY / CHART

VALUE_FILES = tuple(path.name for path in sorted((FOLDER / "ci").glob("*-values.yaml")))

NEWEST = "1.37"
"""The Kubernetes that the tests of this project run."""


def helm(
    *arguments: str, kubeconfig: str = os.devnull, part: Part = HELM_CLIENT
) -> subprocess.CompletedProcess[str]:
    """What Helm answered, whatever it was; without a kubeconfig it knows no cluster."""
    binary = find_helm(os.environ, part)
    require(binary is not None, "Helm: `python -m dev helm` builds it")
    command = [str(binary), *arguments]
    around = {**os.environ, "KUBECONFIG": kubeconfig}
    return subprocess.run(command, env=around, capture_output=True, text=True, check=False)


@cache
def template(*arguments: str, file: str = "", version: str = NEWEST) -> tuple[str, str]:
    """What `helm template` renders for a release and a namespace named `watchbill`, and its complaint."""
    files = ["--values", str(FOLDER / "ci" / file)] if file else []
    command = ["template", "watchbill", str(FOLDER), "--namespace", "watchbill", "--kube-version", version]
    answer = helm(*command, *files, *arguments)
    return answer.stdout, answer.stderr


def rendered(*sets: str, file: str = "", version: str = NEWEST) -> list[Json]:
    """The objects for these `--set` values and this file of values; the test fails where there are none."""
    out, complaint = template(*(f"--set={each}" for each in sets), file=file, version=version)
    assert not complaint, complaint
    return copy.deepcopy(parsed(out))


@cache
def parsed(text: str) -> list[Json]:
    """The objects of a stream of YAML; in Python alone, the definitions would take seconds."""
    return [each for each in yaml.load_all(text, yaml.CSafeLoader) if each]


def of_kind(objects: list[Json], *kinds: str) -> list[Json]:
    """Those of these kinds."""
    return [each for each in objects if each["kind"] in kinds]


def is_hook(thing: Json) -> bool:
    """Whether Helm creates it for a test alone."""
    return "helm.sh/hook" in (thing["metadata"].get("annotations") or {})


def named(objects: list[Json], kind: str, name: str) -> Json:
    """The one of this kind and name."""
    (found,) = [each for each in objects if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    return found
