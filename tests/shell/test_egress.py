"""No way to write an address, no name, no redirect and no name server leads to where egress is denied.

The canary listens at every address of this host; without the filter the vectors do reach it.
"""

import asyncio
import itertools
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from tests.core.test_egress import CLASSES, EMBEDDED, embedded
from tests.providers.pages import settings_for, trigger
from tests.providers.talking import FACTS, channel
from tests.shell.fake_api import FakeApi
from tests.shell.sending import always, to
from tests.support.mail_server import MailServer
from tests.support.names import AAAA, A, Client, Names, NameServer
from watchbill.api.connection import PagerDuty, Slack, Smtp
from watchbill.core.effects import CreateChannel
from watchbill.core.egress import EgressPolicy
from watchbill.core.outcomes import Result
from watchbill.core.steps.contract import HttpRequest, RunFacts
from watchbill.providers import contract
from watchbill.providers.contract import Mail, Request, Response, Verdict
from watchbill.providers.registry import PROVIDERS
from watchbill.providers.slack import SlackProvider
from watchbill.shell.app import App
from watchbill.shell.credentials import Credentials
from watchbill.shell.egress import Egress
from watchbill.shell.mail import Mailer
from watchbill.shell.settings import Settings
from watchbill.shell.web import Web

DENIED = Result.PERMANENT, "EgressDenied"
SECONDS = 5.0
FRONT = "127.9.9.9"
"""Stands for a public address where one must be reached: no test leaves this host."""
INNER = "inner.example.com"


def port_of(server: asyncio.Server) -> int:
    """The port that a server listens at."""
    return int(server.sockets[0].getsockname()[1])


class Canary:
    """Counts the connections that reach it, by IPv4 and IPv6, at one port."""

    def __init__(self) -> None:
        self.connections = 0
        self.port = 0

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Canary"]:
        """Listen at every address of this host."""
        servers = [await asyncio.start_server(self.count, "0.0.0.0", 0)]
        self.port = port_of(servers[0])
        servers.append(await asyncio.start_server(self.count, "::", self.port))
        try:
            yield self
        finally:
            for server in servers:
                server.close()

    async def count(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\ncanary")
        writer.close()


@pytest.fixture
async def canary() -> AsyncIterator[Canary]:
    async with Canary().listening() as listening:
        yield listening


def spellings(number: int) -> tuple[str, str, str]:
    """A number in decimal, octal and hexadecimal, as inet_aton reads it."""
    return str(number), f"0{number:o}", f"0x{number:x}"


def of_ipv4(*parts: int) -> Iterator[str]:
    """Each way to spell an address of these parts, of which the last may fill several bytes."""
    return map(".".join, itertools.product(*map(spellings, parts)))


FORMS = [
    *of_ipv4(127, 0, 0, 1),
    *of_ipv4(127, 0, 1),
    *of_ipv4(127, 1),
    *of_ipv4(2130706433),
    *of_ipv4(169, 254, 169, 254),
    *("0177.0000.0000.0001", "0000000177.1", "0X7F.0X0.0X0.0X1", "0x7F000001", "0x0000007f.1", "127.0.1.0x1"),
    *("127.1.1.1", "127.255.255.254", "0", "0.0.0.0", "0x0", "00", "0.0"),
]
IPV6 = [
    *("[::1]", "[0:0:0:0:0:0:0:1]", "[0000:0000:0000:0000:0000:0000:0000:0001]", "[::0001]", "[0::1]"),
    *("[::]", "[0:0::0]", "[::ffff:7f00:1]", "[0:0:0:0:0:FFFF:127.0.0.1]", "[::127.0.0.1]", "[::7f00:1]"),
    *("[::1%25lo]", "[::1%251]", "[::1%lo]", "[fe80::1%25lo]", "[fe80::1%251]", "[::ffff:0:127.0.0.1]"),
    *(f"[{each}]" for way in EMBEDDED for inner in ("127.0.0.1", "169.254.169.254") for each in
      embedded(way, inner)),
]  # fmt: skip
DISGUISED = [
    "１２７.０.０.１", "①②⑦.⓪.⓪.①", "127。0。0。1", "127．0．0．1", "127｡0｡0｡1", "𝟏𝟐𝟕.𝟎.𝟎.𝟏",  # noqa: RUF001 - what looks alike is the point
    "２１３０７０６４３３", "０x7f.1", "0ｘ7f000001",  "127.0.0.1.", "127.0.0.1..",  # noqa: RUF001 - what looks alike is the point
    "127.1.", "2130706433.",
]  # fmt: skip
NAMED = [
    "localhost", "LOCALHOST", "LocalHost", "localhost.", "localhost..", "ｌｏｃａｌｈｏｓｔ", "ⓛocalhost",  # noqa: RUF001 - what looks alike is the point
    "ｌocalhost.", "inner.example.com", "INNER.example.COM", "inner.example.com.", "inner。example。com",  # noqa: RUF001 - what looks alike is the point
    "mixed.example.com", "mixed6.example.com", "kubernetes.default.svc",
]  # fmt: skip
NOWHERE = [
    *("http://%31%32%37.0.0.1:{port}/", "http://0x7f.1.:{port}/", "http://ınner.example.com:{port}/"),  # noqa: RUF001 - what looks alike is the point
    *("http://localho\u00adst:{port}/", "http://loca\u200blhost:{port}/", "http://[::1]@127.0.0.1:{port}/"),
    *("http://public.example.com\\@127.0.0.1:{port}/", "http://127.0.0.1:{port}\\@public.example.com/"),
    *("http:127.0.0.1:{port}/", "http:///127.0.0.1:{port}/", "http:/\\127.0.0.1:{port}/", "127.0.0.1:{port}"),
    *(
        "http://127.0.0.1:{port}/\r\nHost: public.example.com",
        "http://127.0.0.1:{port}\t/",
        "http://:{port}/",
    ),
]
"""URLs that are none, or with a name that nobody knows: other readers may take them for ours."""
HIDDEN = [
    "http://public.example.com@127.0.0.1:{port}/",
    "http://public.example.com:80@127.0.0.1:{port}/",
    "http://public.example.com%40@127.0.0.1:{port}/",
    "http://a:b@c@127.0.0.1:{port}/",
    "http://public.example.com%2F@127.0.0.1:{port}/",
    "http://public.example.com%5C@localhost:{port}/",
    "http://@127.0.0.1:{port}/",
    "http://:@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}#@public.example.com/",
    "http://127.0.0.1:{port}?@public.example.com/",
    "http://127.0.0.1:{port}/@public.example.com/",
    "http://127.0.0.1:{port}#.public.example.com/",
    "HTTP://127.0.0.1:{port}/",
    "Http://localhost:{port}",
    "//127.0.0.1:{port}/",
    "http://127.0.0.1:0{port}/",
    "http://127.0.0.1:+{port}/",
    "http://0x7f.1:{port}?http://public.example.com/",
    "ftp://127.0.0.1:{port}/",
    "file://127.0.0.1:{port}/",
    "unix://127.0.0.1:{port}/",
    "ws://127.0.0.1:{port}/",
    "http+unix://127.0.0.1:{port}/",
    " http://127.0.0.1:{port}/",
]
"""URLs that one reader takes for another's."""

NAMES = {
    "localhost": ["127.0.0.1", "::1"],
    INNER: ["127.0.0.1"],
    "mixed.example.com": [FRONT, "127.0.0.1"],
    "mixed6.example.com": [FRONT, "::1"],
    "kubernetes.default.svc": ["127.0.0.1"],
    **{
        f"n{number}.example.com": [address.partition("%")[0]]
        for number, address in enumerate(" ".join(CLASSES.values()).split())
    },
    **{
        f"{way.replace(chr(39), '').replace(' ', '').lower()}{number}.example.com": [address]
        for way in EMBEDDED
        for number, address in enumerate(embedded(way, "10.0.0.1"))
    },
}
"""What each name leads to: an address of every class, of itself, embedded, and after one that is allowed."""


def plain(hosts: list[str]) -> list[str]:
    return [f"http://{host}:{{port}}/" for host in hosts]


VECTORS = {
    "IPv4 in every spelling": plain(FORMS),
    "IPv6 in every form": plain(IPV6),
    "digits and dots that only look so": plain(DISGUISED),
    "names of this host": plain(NAMED),
    "names that lead to every class": plain([each for each in NAMES if each not in NAMED]),
    "hosts that are not where they seem": HIDDEN,
    "TLS": [each.replace("http://", "https://") for each in plain([*FORMS[:9], *IPV6[:9], *NAMED[:9]])],
}


def guarded(*allowed: str, names: Callable[[], Names | Client] = lambda: Names(NAMES)) -> Egress:
    return Egress(EgressPolicy.read(allowed), names)


async def ask(egress: Egress, url: str, method: str = "GET") -> Response | Verdict:
    """What comes of one request over a connection of its own."""
    web = Web(egress)
    try:
        return await web.deliver(Request(method, url, {}, b""), SECONDS)  # type: ignore[arg-type]  # any method
    finally:
        await web.aclose()


@pytest.mark.parametrize("family", VECTORS)
async def test_no_request_reaches_what_is_denied(canary: Canary, family: str):
    wrong = []
    for vector in VECTORS[family]:
        answer = await ask(guarded(f"{FRONT}/32"), vector.format(port=canary.port))
        if not isinstance(answer, Verdict) or (answer.result, answer.reason) != DENIED:
            wrong.append(f"{vector!r}: {answer}")
    assert wrong == []
    assert canary.connections == 0


async def test_what_is_no_url_or_no_name_reaches_nobody(canary: Canary):
    for vector in NOWHERE:
        answer = await ask(guarded(), vector.format(port=canary.port))
        assert isinstance(answer, Verdict), vector
        assert answer.reason in ("Misconfigured", "ConnectFailed"), vector
    assert canary.connections == 0


def test_the_vectors_are_many():
    assert len({each for vectors in (*VECTORS.values(), NOWHERE) for each in vectors}) >= 400


async def test_without_the_filter_the_same_requests_do_reach_the_canary(canary: Canary):
    for vector in ("http://0x7f.1:{port}/", "http://[::1]:{port}/", "http://localhost:{port}/", *HIDDEN[:2]):
        answer = await ask(Egress(None, lambda: Names(NAMES)), vector.format(port=canary.port))
        assert isinstance(answer, Response), vector
        assert answer.body == b"canary"
    assert canary.connections == 5


ALLOWED = {
    "the network of the address": ("127.0.0.0/8", "http://127.0.0.1:{port}/"),
    "the address": ("::1", "http://[::1]:{port}/"),
    "the network of a name": ("127.0.0.0/30", "http://inner.example.com:{port}/"),
    "the name": ("Inner.example.com", "http://INNER.example.com.:{port}/"),
    "the name in an odd spelling": ("inner.example.com", "http://inner。example。com:{port}/"),
    "both addresses of a name": ("localhost", "http://localhost:{port}/"),
}


@pytest.mark.parametrize(("allowed", "url"), ALLOWED.values(), ids=ALLOWED)
async def test_what_is_listed_is_reached(canary: Canary, allowed: str, url: str):
    answer = await ask(guarded(allowed), url.format(port=canary.port))
    assert isinstance(answer, Response)
    assert (answer.body, canary.connections) == (b"canary", 1)


@pytest.mark.parametrize("status", [300, 301, 302, 303, 305, 307, 308])
async def test_a_redirect_of_an_allowed_host_leads_nowhere(canary: Canary, status: int):
    targets = [url.format(port=canary.port) for url in ("http://127.0.0.1:{port}/", "//localhost:{port}/")]
    seen: list[str] = []

    async def front(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append((await reader.readline()).decode())
        target = targets[len(seen) - 1]
        head = f"Location: {target}\r\nRefresh: 0; url={target}\r\nContent-Length: 0\r\nConnection: close"
        writer.write(f"HTTP/1.1 {status} Elsewhere\r\n{head}\r\n\r\n".encode())
        writer.close()

    async with await asyncio.start_server(front, FRONT, 0) as server:
        port = port_of(server)
        for method in ("GET", "POST"):
            answer = await ask(guarded(FRONT), f"http://{FRONT}:{port}/", method)
            assert isinstance(answer, Response)
            assert answer.status == status
    assert (len(seen), canary.connections) == (2, 0)


class TestARebindingNameServer:
    """Its first answer is of a host that may be reached, and every later one leads to the canary."""

    async def test_is_asked_once_and_what_was_checked_is_what_is_reached(self, canary: Canary):
        seen: list[str] = []

        async def front(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            request = await reader.readuntil(b"\r\n\r\n")
            seen.append(next(each for each in request.decode().splitlines() if each.startswith("Host:")))
            writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
            writer.close()

        async with (
            NameServer({A: [FRONT, "127.0.0.1"]}) as dns,
            await asyncio.start_server(front, FRONT, 0) as server,
            await asyncio.start_server(canary.count, "127.0.0.1", port := port_of(server)),
        ):
            url = f"http://rebinding.example.com:{port}/"
            answers = [await ask(rebound(dns), url) for _ in range(3)]
        assert [getattr(each, "status", None) for each in answers] == [204, None, None]
        assert [getattr(each, "reason", None) for each in answers] == [None, "EgressDenied", "EgressDenied"]
        assert seen == [f"Host: rebinding.example.com:{port}"]
        assert dns.asked == [A, AAAA] * 3
        assert canary.connections == 0

    @pytest.mark.parametrize(
        "answers",
        [
            pytest.param({A: ["127.0.0.1"]}, id="from the start"),
            pytest.param({A: [FRONT], AAAA: ["::1"]}, id="by its other type"),
            pytest.param({AAAA: ["::ffff:127.0.0.1"]}, id="mapped"),
            pytest.param(
                {A: [FRONT, "169.254.169.254", FRONT, "127.0.0.1"], AAAA: ["fe80::1"]}, id="to and fro"
            ),
        ],
    )
    async def test_never_leads_to_the_canary(self, canary: Canary, answers: dict[int, list[str]]):
        async with NameServer(answers) as dns:
            url = f"http://rebinding.example.com:{canary.port}/"
            found = [await ask(rebound(dns), url) for _ in range(3)]
            mails = [await Mailer(egress=rebound(dns)).deliver(mail("a.example.com", canary.port), SECONDS)]
        assert {getattr(each, "reason", None) for each in [*found, *mails]} == {"EgressDenied"}
        assert canary.connections == 0

    async def test_is_what_it_seems_without_the_filter(self, canary: Canary):
        async with NameServer({A: ["127.0.0.1"]}) as dns:
            egress = Egress(None, lambda: Client(dns.address))
            answer = await ask(egress, f"http://rebinding.example.com:{canary.port}/")
        assert isinstance(answer, Response)
        assert canary.connections == 1


def rebound(dns: NameServer) -> Egress:
    return Egress(EgressPolicy.read([FRONT]), lambda: Client(dns.address))


def mail(host: str, port: int) -> Mail:
    return Mail(host, port, "None", "w@example.com", ("ana@example.com",), b"Subject: a\r\n\r\n")


async def test_no_mail_server_is_reached_that_is_denied(canary: Canary):
    hosts = [*FORMS, *(each.strip("[]") for each in IPV6 if "%" not in each), "localhost", *NAMES]
    mailer = Mailer(egress=guarded(FRONT))
    for host in hosts:
        answer = await mailer.deliver(mail(host, canary.port), SECONDS)
        assert isinstance(answer, Verdict)
        assert (answer.result, answer.reason) == DENIED, host
    assert canary.connections == 0


async def test_a_mail_server_that_is_listed_is_reached_under_its_own_name(
    certificates: tuple[ssl.SSLContext, ssl.SSLContext],
):
    with MailServer(implicit=certificates[0]) as server:
        wanted = replace(mail("localhost", server.port), tls="Implicit")
        names = Names({"localhost": ["::1", "127.0.0.1"], "other.example.com": ["127.0.0.1"]})
        mailer = Mailer(certificates[1], guarded("127.0.0.0/8", "::1", names=lambda: names))
        answer = await mailer.deliver(wanted, SECONDS)
        assert isinstance(answer, Response)
        assert (answer.status, len(server.mails)) == (250, 1)
        # The certificate is that of localhost, whatever address was connected to.
        other = await mailer.deliver(replace(wanted, host="other.example.com"), SECONDS)
        assert isinstance(other, Verdict)
        assert "certificate" in other.message.lower()
        assert len(server.mails) == 1


async def test_a_certificate_is_checked_against_the_name_and_not_the_address(
    certificates: tuple[ssl.SSLContext, ssl.SSLContext],
):
    asked: list[str | None] = []
    shows = certificates[0]
    shows.sni_callback = lambda connection, name, context: asked.append(name)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=shows) as server:
        port = port_of(server)
        await ask(guarded(INNER), f"https://{INNER}:{port}/")
    assert asked == [INNER]


async def test_a_proxy_is_the_administrators_and_is_reached_but_carries_no_request_to_a_denied_address(
    canary: Canary, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("http_proxy", f"http://localhost:{canary.port}")
    monkeypatch.setenv("no_proxy", INNER)
    answer = await ask(guarded(), "http://pager.example.com/")
    assert isinstance(answer, Response)
    assert canary.connections == 1
    for url in (f"http://127.0.0.1:{canary.port}/", f"http://{INNER}:{canary.port}/", "http://[fd00::1]/"):
        refused = await ask(guarded(), url)
        assert isinstance(refused, Verdict)
        assert (refused.result, refused.reason) == DENIED
    assert canary.connections == 1


async def test_an_operator_filters_what_tenants_write_and_nothing_of_its_own(canary: Canary, api: FakeApi):
    at = f"http://127.0.0.1:{canary.port}"
    app = App(Credentials(api.url), Settings("one", egress=EgressPolicy()))
    key = {"name": "pager", "key": "key"}
    mail = {"host": "127.0.0.1", "port": canary.port, "tls": "None", "from": "w@example.com"}
    pages = {
        "webhook": to(at),
        "pagerDuty": replace(
            settings_for("pagerDuty"),
            vendor=PagerDuty.model_validate({"routingKeySecretRef": key, "baseURL": at}),
        ),
        "smtp": contract.Settings(Smtp.model_validate({**mail, "to": ["ana@example.com"]})),
    }
    slack = Slack.model_validate({"botTokenSecretRef": key, "baseURL": at})
    talk = contract.Settings(slack, {"slack.botTokenSecretRef": "xoxb-example"})
    room = CreateChannel(FACTS, channel(), "other")
    try:
        for _ in range(6):
            # A host that is denied says nothing of the vendor, and opens no breaker.
            found = [
                await app.sender.attempt(PROVIDERS[name], trigger(), settings, rank=1, still_wanted=always)
                for name, settings in pages.items()
            ]
            found.append(await app.sender.converse(SlackProvider(), room, talk, rank=1, still_wanted=always))
            assert [each and (each.result, each.reason) for each in found] == [DENIED] * 4
        run = RunFacts("u", "shop", "run", "account", "")
        step = await app.runs._performer._outside.answer(HttpRequest("GET", at), run)
        assert (step.result, "loopback address" in step.message) == (Result.PERMANENT, True)
        assert canary.connections == 0
        # What an administrator wrote on the command line, and the API server.
        beat = await app.sender.ping(Request("GET", at, {}, b""), SECONDS)
        assert isinstance(beat, Response)
        assert canary.connections == 1
        assert await app.kube.get("/version")
    finally:
        await app.sender.aclose()
        await app.runs.close()
        await app.kube.close()
