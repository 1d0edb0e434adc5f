"""A page by mail, from the real API server to a real mail server, over STARTTLS and with a login."""

import ssl
from collections.abc import Iterator
from email.message import EmailMessage

import pytest

from dev.cluster import Cluster
from dev.operator_process import OperatorProcess
from dev.pki import KeyPair, create_authority, issue_server
from tests.support.builders import target
from tests.support.mail_server import MailServer, Received
from tests.support.team import Team, condition

pytestmark = pytest.mark.cluster

ANA, CY = "ana@example.com", "cy@example.com"
USERNAME, PASSWORD = "pages", "tiger-tiger"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> KeyPair:
    return create_authority(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="module", autouse=True)
def operator(
    cluster: Cluster, authority: KeyPair, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OperatorProcess]:
    """The operator, which trusts the mail server's authority as a pod would: by SSL_CERT_FILE."""
    log = tmp_path_factory.mktemp("operator") / "operator.log"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(authority.certificate))
        with OperatorProcess(cluster.operator_kubeconfig, log) as started:
            yield started


@pytest.fixture
def server(authority: KeyPair, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailServer]:
    pair = issue_server(authority, tmp_path_factory.mktemp("server"))
    shows = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    shows.load_cert_chain(pair.certificate, pair.key)
    with MailServer(starttls=shows, login=(USERNAME, PASSWORD)) as running:
        yield running


@pytest.fixture
def paged_by_mail(team: Team, server: MailServer) -> Team:
    """The team, with a policy that pages by mail and repeats nothing for as long as a test takes."""
    team.secret("mail", username=USERNAME, password=PASSWORD)
    smtp = {
        "host": "localhost",
        "port": server.port,
        "from": "watchbill@example.com",
        "to": [ANA, CY],
        "usernameSecretRef": {"name": "mail", "key": "username"},
        "passwordSecretRef": {"name": "mail", "key": "password"},
    }
    team.connection("mail", smtp=smtp)
    team.policy(("first", "10m", [target("mail", "backup-pager")]))
    team.severities()
    return team


def messages(server: MailServer, count: int) -> list[EmailMessage]:
    """So many mails, in the order in which they came."""

    def enough(mails: list[Received]) -> list[Received]:
        return mails if len(mails) >= count else []

    found = server.wait_for(enough)
    assert len(found) == count
    return [mail.message for mail in found]


def test_an_incident_pages_by_mail_and_what_follows_stays_in_the_thread(
    paged_by_mail: Team, server: MailServer
):
    team = paged_by_mail
    uid = team.declare(title="Checkout fails\r\nBcc: bo@example.com")["metadata"]["uid"]
    (page,) = messages(server, 1)
    assert server.mails[0].recipients == (ANA, CY)
    assert server.mails[0].encrypted
    assert page["Subject"] == "SEV-1: Checkout fails Bcc: bo@example.com"
    assert (page["Bcc"], page["X-Incident-UID"], page["Auto-Submitted"]) == (None, uid, "auto-generated")
    team.wait_for(lambda i: i["status"]["pages"][0]["state"] == "Accepted")
    team.acknowledge()
    _, taken = messages(server, 2)
    assert taken["In-Reply-To"] == page["Message-ID"]
    assert "acknowledged by admin" in taken.get_content()
    team.patch(state="Resolved", stateReason="rolled back", setBy={"state": "admin"})
    _, _, closed = messages(server, 3)
    assert closed["In-Reply-To"] == page["Message-ID"]
    assert "resolved by admin" in closed.get_content()
    assert not team.receiver.requests, "a mail that was taken needs no backup"
    assert PASSWORD not in str(team.incident())


def test_a_mail_that_was_taken_without_an_answer_is_repeated_and_says_so(
    paged_by_mail: Team, server: MailServer
):
    server.behavior.after_data = "reset"
    paged_by_mail.policy(("first", "10m", [target("mail")]))
    paged_by_mail.declare()
    messages(server, 1)
    server.behavior.after_data = "answer"
    first, again = messages(server, 2)
    assert again["Message-ID"] == first["Message-ID"]
    assert again["Subject"] == f"{first['Subject']} (repeated)"
    assert "This page is repeated" in again.get_content()
    hop = paged_by_mail.wait_for(lambda i: i["status"]["pages"][0]["state"] == "Accepted" and i)["status"][
        "pages"
    ][0]["hops"][0]
    assert (hop["state"], hop["uncertain"], hop["unkeyed"]) == ("Accepted", True, True)


def test_a_recipient_who_is_refused_is_named_and_the_page_counts_as_delivered(
    paged_by_mail: Team, server: MailServer
):
    server.behavior.replies = {CY: "550 5.1.1 no such user"}
    paged_by_mail.declare()
    messages(server, 1)
    incident = paged_by_mail.wait_for(lambda i: condition(i, "Degraded").get("status") == "True" and i)
    said = f"the mail server refused {CY} (550 5.1.1 no such user)"
    assert condition(incident, "Degraded")["reason"] == "ConnectionFailing"
    assert said in condition(incident, "Degraded")["message"]
    paged = [entry["text"] for entry in incident["status"]["timeline"] if entry["kind"] == "Paged"]
    assert paged == [f"first: paged through mail; {said}"]
    assert server.mails[0].recipients == (ANA,)


def test_a_password_that_is_not_taken_any_more_pages_through_the_next_connection_at_once(
    paged_by_mail: Team, server: MailServer
):
    server.login = (USERNAME, "changed since")
    paged_by_mail.declare()
    path = f"/{paged_by_mail.namespace}/backup"
    paged_by_mail.receiver.wait_for(lambda r: r.requests_to(path), timeout=10)
    incident = paged_by_mail.wait_for(lambda i: condition(i, "Degraded").get("status") == "True" and i)
    assert "mail fails (SMTP535)" in condition(incident, "Degraded")["message"]
    assert PASSWORD not in str(incident)
    assert server.mails == []
