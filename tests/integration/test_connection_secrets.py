"""Who names a Secret in a Connection must be able to read it.

No operator runs here.
"""

from collections.abc import Iterator

import pytest

from dev.cluster import Cluster
from tests.support.people import Json, Stage, admin_client, set_stage
from watchbill.api.admission.secrets import secret_paths
from watchbill.api.connection import ConnectionSpec

pytestmark = [pytest.mark.cluster, pytest.mark.feature("F60")]


@pytest.fixture(scope="module")
def stage(cluster: Cluster) -> Iterator[Stage]:
    with admin_client(cluster) as client:
        stage = set_stage(client, "connections-and-secrets")
        stage.grant("cy", "watchbill-team-admin")
        stage.wait_for("cy", "connections", "create")
        stage.allow("cy", "secrets", ["get"], group="")
        stage.allow("dee", "connections", ["get", "create", "patch"])
        stage.allow("dee", "secrets", ["get"], group="", name="public")
        yield stage


MAIL: Json = {"host": "smtp.test", "from": "a@pages.test", "to": ["b@pages.test"]}
PAGER, PUBLIC = {"name": "pager", "key": "k"}, {"name": "public", "key": "k"}

CONNECTIONS: dict[str, Json] = {
    "pagerDuty.routingKeySecretRef": {"pagerDuty": {"routingKeySecretRef": {"name": "pager", "key": "k"}}},
    "webhook.urlSecretRef": {"webhook": {"urlSecretRef": {"name": "pager", "key": "k"}}},
    "webhook.signingKeySecretRef": {
        "webhook": {"url": "https://pages.test", "signingKeySecretRef": {"name": "pager", "key": "k"}}
    },
    "smtp.usernameSecretRef": {"smtp": MAIL | {"usernameSecretRef": PAGER, "passwordSecretRef": PUBLIC}},
    "smtp.passwordSecretRef": {"smtp": MAIL | {"usernameSecretRef": PUBLIC, "passwordSecretRef": PAGER}},
    "slack.botTokenSecretRef": {"slack": {"botTokenSecretRef": {"name": "pager", "key": "k"}}},
}


class TestAConnection:
    def test_cases_name_every_reference_to_a_secret(self):
        assert set(CONNECTIONS) == {".".join(path) for path in secret_paths(ConnectionSpec)}

    @pytest.mark.parametrize("path", CONNECTIONS)
    def test_names_only_what_its_author_may_read(self, stage, path):
        assert stage.person("cy").create("connections", CONNECTIONS[path]).succeeded
        answer = stage.person("dee").create("connections", CONNECTIONS[path])
        assert answer.status == 403
        refused = f"spec.{path}: `dee` may not read Secret `pager`, so may not have it used"
        assert refused in answer.message
        assert f"`get` on that Secret in namespace `{stage.namespace}`" in answer.message

    def test_without_a_secret_is_free(self, stage):
        answer = stage.person("dee").create("connections", {"webhook": {"url": "https://pages.test"}})
        assert answer.succeeded, answer.message

    def test_sends_a_secret_elsewhere_only_by_who_may_read_it(self, stage):
        made = stage.person("cy").create("connections", CONNECTIONS["slack.botTokenSecretRef"])
        elsewhere = {"slack": {"baseURL": "https://elsewhere.test"}}
        name = made.body["metadata"]["name"]
        assert stage.person("dee").patch("connections", name, elsewhere).status == 403
        assert stage.person("cy").patch("connections", name, elsewhere).succeeded

    def test_is_labeled_by_who_may_not_read_its_secret(self, stage):
        made = stage.person("cy").create("connections", CONNECTIONS["slack.botTokenSecretRef"])
        dee, labels = stage.person("dee"), {"metadata": {"labels": {"team": "shop"}}}
        assert dee.ask("PATCH", dee.path("connections", made.body["metadata"]["name"]), labels).succeeded
