"""What the README and the tutorial show, on the real API server: five lines page, through the console."""

import pytest
import yaml

from dev.layout import REPOSITORY
from dev.operator_process import OperatorProcess
from tests.support.kubectl import Kubectl
from tests.support.markdown import yaml_blocks
from tests.support.team import Object, Team, condition
from tests.support.walkthrough import play, typed

pytestmark = pytest.mark.cluster

NAMESPACE = "shop"
"""The namespace that the README takes."""


def moved(document: Object, namespace: str) -> Object:
    """The object in a namespace of the test, and the class under its name: tests share the cluster."""
    text = yaml.safe_dump(document).replace(f"namespace: {NAMESPACE}", f"namespace: {namespace}")
    found: Object = yaml.safe_load(text.replace("- service\n", f"- {namespace}\n"))
    if document["kind"] == "IncidentClass":
        found["metadata"] = {"name": namespace}
    if document["kind"] == "Incident":
        found["spec"]["classRef"] = {"name": namespace}
    return found


def test_the_five_lines_of_the_readme_page_through_the_console(
    kubectl: Kubectl, namespace: str, operator: OperatorProcess, team: Team
):
    five_lines, setting = yaml_blocks(REPOSITORY / "README.md")
    for document in yaml.safe_load_all(setting):
        if document["kind"] != "Namespace":
            team.apply(moved(document, namespace))
    incident = moved(yaml.safe_load(five_lines), namespace)
    name = incident["metadata"]["name"]
    kubectl("create", "-f", "-", input=yaml.safe_dump(incident))
    found = team.wait_for(lambda i: i if condition(i, "Degraded").get("status") == "True" else None, name)
    assert condition(found, "Degraded")["reason"] == "ConsoleOnly"
    (page,) = found["status"]["pages"]
    (line,) = [line for line in operator.lines() if line["msg"].startswith(f"page {page['hops'][0]['key']}")]
    assert incident["spec"]["title"] in line["msg"]
    team.acknowledge(name)
    team.wait_for_phase("Acknowledged", name)
    team.patch(name, state="Resolved", stateReason="rolled back", setBy={"state": "admin"})
    team.wait_for_phase("Resolved", name)


TUTORIAL = REPOSITORY / "docs/tutorial/README.md"


@pytest.mark.usefixtures("operator")
def test_the_tutorial_goes_as_it_says_word_for_word_once_it_is_installed(kubectl: Kubectl):
    """What Helm does in it needs a node; with that it is played by tests/e2e/test_walkthrough.py."""
    steps = [step for step in typed(TUTORIAL) if not step.commands.startswith("helm ")]
    assert sum(step.says is not None for step in steps) >= 8
    for step in steps:
        play(kubectl, step)
