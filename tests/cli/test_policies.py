import yaml
from typer.testing import CliRunner

from watchbill.api.admission.manifests import policies, stamps
from watchbill.cli.main import app


def printed(*arguments: str) -> list[object]:
    """The manifests that the command prints."""
    answer = CliRunner().invoke(app, ["policies", *arguments])
    assert answer.exit_code == 0, answer.output
    return list(yaml.safe_load_all(answer.stdout))


def test_the_policies_are_printed_for_the_operator_of_the_default_name():
    assert printed() == policies() + stamps()


def test_the_policies_are_printed_for_an_operator_of_another_name():
    user = "system:serviceaccount:ops:robot"
    assert printed("--operator-user", user) == policies(user) + stamps(user)


def test_the_stamp_is_left_out_for_an_older_kubernetes():
    assert printed("--no-stamp") == policies()
