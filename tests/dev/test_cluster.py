"""A control plane whose servers do not come up, with scripts in their place."""

import io
import json
from pathlib import Path

import pytest

from dev import processes, servers
from dev.assets import Assets
from dev.cluster import Cluster
from dev.errors import DevError
from dev.kind import KindProvider
from dev.layout import Layout, state_directory
from dev.pki import create_authority
from dev.progress import Progress
from tests.dev.fakes import binaries, environment, script


@pytest.fixture
def manifests(tmp_path: Path) -> Path:
    for folder in ("crds", "config/rbac", "config/admission"):
        (tmp_path / "checkout" / folder).mkdir(parents=True)
        (tmp_path / "checkout" / folder / "some.yaml").touch()
    return tmp_path / "checkout"


def cluster(tmp_path: Path, manifests: Path, **further: str) -> Cluster:
    around = environment(tmp_path) | {"KUBEBUILDER_ASSETS": str(tmp_path / "bin")} | further
    progress = Progress(io.StringIO())
    return Cluster(tmp_path / "dev", manifests=manifests, environment=around, progress=progress)


def assert_nothing_runs(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "dev")
    assert not list(layout.home.glob("*.pid"))
    assert not layout.record.exists()
    assert not layout.pki.exists()


def test_a_server_that_ends_while_starting_is_one_sentence_and_leaves_nothing_running(
    tmp_path: Path, manifests: Path
) -> None:
    binaries(tmp_path / "bin")
    script(tmp_path / "bin" / "etcd", "echo 'no space left on device'; exit 1")
    with pytest.raises(DevError, match=r"etcd ended while starting; .* no space left on device"):
        cluster(tmp_path, manifests).start()
    assert_nothing_runs(tmp_path)


def test_a_port_that_something_else_took_is_chosen_again(tmp_path: Path, manifests: Path) -> None:
    binaries(tmp_path / "bin")
    noted = tmp_path / "ports"
    body = f"echo $4 >> {noted}; echo 'listen tcp: bind: address already in use'; exit 1"
    script(tmp_path / "bin" / "etcd", body)
    with pytest.raises(DevError, match="took our ports 3 times; try again"):
        cluster(tmp_path, manifests).start()
    assert len(set(noted.read_text().split())) == 3
    assert_nothing_runs(tmp_path)


def test_stop_without_start_is_no_error(tmp_path: Path, manifests: Path) -> None:
    one = cluster(tmp_path, manifests)
    one.stop()
    assert not one.find()
    with pytest.raises(DevError, match="run `make up` first"):
        assert one.url


def test_ports_are_free_and_different() -> None:
    chosen = [servers.free_ports() for _ in range(5)]
    for ports in chosen:
        assert len({ports.apiserver, ports.etcd, ports.etcd_peer}) == 3
        assert not servers.listens(ports.apiserver)


@pytest.mark.parametrize(
    ("durable", "flag"),
    [
        pytest.param(True, False, id="etcd waits for the disk where it is measured"),
        pytest.param(False, True, id="etcd does not wait for the disk in tests"),
    ],
)
def test_etcd_and_the_disk(tmp_path: Path, durable: bool, flag: bool) -> None:
    ports = servers.Ports(1, 2, 3)
    command = servers.etcd_command(Assets(tmp_path), Layout(tmp_path), ports, durable)
    assert ("--unsafe-no-fsync" in command) is flag


@pytest.mark.parametrize(
    ("around", "expected"),
    [
        pytest.param({}, ".dev", id="the state is in .dev of the checkout"),
        pytest.param({"WATCHBILL_DEV_DIR": "/tmp/x"}, "x", id="WATCHBILL_DEV_DIR says where else"),
    ],
)
def test_the_state_directory(around: dict[str, str], expected: str) -> None:
    assert state_directory(around).name == expected


@pytest.mark.parametrize(
    ("tools", "sentence"),
    [
        pytest.param({}, "needs `docker` on the path: install it", id="no Docker"),
        pytest.param({"docker": "exit 0"}, "needs `kind` on the path: install it", id="no kind"),
        pytest.param({"docker": "exit 1", "kind": "exit 0"}, "needs a running Docker engine", id="no engine"),
    ],
)
def test_what_kind_lacks_is_one_sentence(
    tmp_path: Path, manifests: Path, tools: dict[str, str], sentence: str
) -> None:
    binaries(tmp_path / "bin")
    for name, body in tools.items():
        script(tmp_path / "tools" / name, body)
    one = cluster(tmp_path, manifests, CLUSTER="kind", PATH=str(tmp_path / "tools"))
    with pytest.raises(DevError, match=f"^CLUSTER=kind {sentence}"):
        one.start()
    assert not Layout(tmp_path / "dev").record.exists()


def test_a_kind_cluster_gets_an_admin_of_its_own_authority_and_is_deleted(tmp_path: Path) -> None:
    binaries(tmp_path / "bin")
    create_authority(tmp_path / "node")
    tools = tmp_path / "tools"
    kubeconfig = {"clusters": [{"cluster": {"server": "https://127.0.0.1:1"}}]}
    written = f"echo '{json.dumps(kubeconfig)}' > {tmp_path}/dev/controlplane/kind.kubeconfig"
    script(tools / "kind", f'echo "$1 $2 $4" >> {tmp_path}/calls; [ $1 = delete ] || {written}')
    script(tools / "docker", f'[ $1 = info ] || cat {tmp_path}/node/$(basename "$4")')
    around = environment(tmp_path) | {"PATH": f"{tools}:/usr/bin:/bin"}
    layout = Layout(tmp_path / "dev")
    layout.home.mkdir(parents=True)
    provider = KindProvider(
        layout, around | {"KUBEBUILDER_ASSETS": str(tmp_path / "bin")}, Progress(io.StringIO())
    )
    provider.prepare()
    access = provider.serve()
    assert access.url == "https://127.0.0.1:1"
    access.context()
    provider.halt()
    created, deleted = (tmp_path / "calls").read_text().splitlines()
    assert created.startswith("create cluster watchbill-")
    assert deleted == created.replace("create", "delete")


def test_a_process_of_an_earlier_start_does_not_count_as_running(tmp_path: Path, manifests: Path) -> None:
    layout = Layout(tmp_path / "dev")
    layout.home.mkdir(parents=True)
    for name in ("etcd", "kube-apiserver"):
        layout.pid_file(name).write_text(json.dumps({"pid": 1, "identity": "before the reboot"}))
    layout.record.write_text(json.dumps({"provider": "local", "url": "https://127.0.0.1:1"}))
    one = cluster(tmp_path, manifests)
    assert not one.find()
    one.stop()
    assert processes.identity(1) is not None
    assert_nothing_runs(tmp_path)
