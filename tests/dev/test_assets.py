"""The order in which the binaries are found."""

import io
from pathlib import Path

import pytest

from dev.assets import (
    ensure_assets,
    ensure_controller_manager,
    ensure_helm,
    find_assets,
    find_controller_manager,
    find_helm,
    kind_is_asked_for,
)
from dev.build import HELM_4_CLIENT, HELM_CLIENT, linker_flags, pinned_version
from dev.errors import DevError
from dev.layout import CONTROLLERS, HELM, MODULE, build_directory
from dev.progress import Progress
from tests.dev.fakes import binaries, calls, environment, fake_go, script


def test_kubebuilder_assets_come_before_our_cache(tmp_path: Path) -> None:
    around = environment(tmp_path) | {"KUBEBUILDER_ASSETS": str(binaries(tmp_path / "envtest"))}
    binaries(build_directory(around))
    found = find_assets(around)
    assert found is not None
    assert found.kubectl == tmp_path / "envtest" / "kubectl"


def test_our_cache_comes_before_a_build(tmp_path: Path) -> None:
    go = fake_go(tmp_path / "go")
    around = environment(tmp_path, go)
    binaries(build_directory(around))
    assert ensure_assets(around, Progress(io.StringIO())).directory == build_directory(around)
    assert calls(go) == []


def test_what_is_nowhere_is_built_and_then_found(tmp_path: Path) -> None:
    go = fake_go(tmp_path / "go")
    around = environment(tmp_path, go)
    assert find_assets(around) is None
    ensure_assets(around, Progress(io.StringIO()))
    ensure_assets(around, Progress(io.StringIO()))
    assert calls(go) == ["etcd", "kube-apiserver", "kubectl"]


def test_kubebuilder_assets_without_a_binary_are_an_error_that_names_it(tmp_path: Path) -> None:
    (binaries(tmp_path) / "etcd").unlink()
    with pytest.raises(DevError, match=r"which has no etcd; install .*, or unset the variable\.$"):
        find_assets({"KUBEBUILDER_ASSETS": str(tmp_path)})


def test_the_cache_is_named_after_the_module_that_was_built(tmp_path: Path) -> None:
    around = environment(tmp_path)
    module = tmp_path / "module"
    module.mkdir()
    for name in ("go.mod", "go.sum"):
        (module / name).write_text("one")
    before = build_directory(around, module)
    (module / "go.sum").write_text("two")
    assert before.parent == tmp_path / "cache" / "watchbill" / "module"
    assert len(before.name) == 16
    assert build_directory(around, module) != before


@pytest.mark.parametrize(
    ("around", "asked"),
    [
        pytest.param({}, False, id="no CLUSTER is no wish for kind"),
        pytest.param({"CLUSTER": "kind"}, True, id="CLUSTER=kind asks for kind"),
        pytest.param(
            {"CLUSTER": "kind", "KUBEBUILDER_ASSETS": "/somewhere"},
            True,
            id="who asks for kind gets it, also with binaries at hand",
        ),
    ],
)
def test_kind_is_used_when_asked_for(around: dict[str, str], asked: bool) -> None:
    assert kind_is_asked_for(around) is asked


def test_another_cluster_is_an_error_that_says_what_is_possible() -> None:
    with pytest.raises(DevError, match="'k3s'; set it to kind, or leave it unset"):
        kind_is_asked_for({"CLUSTER": "k3s"})


def test_the_controllers_are_built_by_themselves_and_then_found(tmp_path: Path) -> None:
    go = fake_go(tmp_path / "go")
    around = environment(tmp_path, go)
    assert find_controller_manager(around) is None
    made = ensure_controller_manager(around, Progress(io.StringIO()))
    assert (
        ensure_controller_manager(around, Progress(io.StringIO())) == made == find_controller_manager(around)
    )
    assert calls(go) == ["kube-controller-manager"]


def test_helm_3_and_4_are_built_by_themselves_and_then_found(tmp_path: Path) -> None:
    versions = [pinned_version(f"helm.sh/helm/v{major}", HELM).removeprefix("v") for major in (3, 4)]
    go = fake_go(tmp_path / "go", says=" ".join(versions))
    around = environment(tmp_path, go)
    assert find_helm(around) is find_helm(around, HELM_4_CLIENT) is None
    made = ensure_helm(around, Progress(io.StringIO()))
    assert ensure_helm(around, Progress(io.StringIO())) == made == find_helm(around)
    assert find_helm(around, HELM_4_CLIENT) == made.with_name("helm4")
    assert calls(go) == ["helm", "helm4"]


def test_helm_is_told_its_version_and_that_of_the_kubernetes_it_knows() -> None:
    flags = linker_flags(HELM_CLIENT.stamps(HELM_CLIENT.source))
    assert f"version.version={pinned_version('helm.sh/helm/v3', HELM)}" in flags
    fourth = linker_flags(HELM_4_CLIENT.stamps(HELM_4_CLIENT.source))
    assert f"version.version={pinned_version('helm.sh/helm/v4', HELM)}" in fourth
    kubernetes = pinned_version("k8s.io/kubernetes").split(".")[1]
    assert f"chartutil.k8sVersionMinor={kubernetes}" in flags


def test_the_controllers_of_kubebuilder_assets_come_first(tmp_path: Path) -> None:
    around = environment(tmp_path) | {"KUBEBUILDER_ASSETS": str(tmp_path / "envtest")}
    script(build_directory(around, CONTROLLERS) / "kube-controller-manager", "exit 0")
    assert find_controller_manager(around) == build_directory(around, CONTROLLERS) / "kube-controller-manager"
    own = script(tmp_path / "envtest" / "kube-controller-manager", "exit 0")
    assert find_controller_manager(around) == own


def test_the_controllers_are_of_the_same_kubernetes_as_the_server() -> None:
    replaced = [
        [line for line in (module / "go.mod").read_text().splitlines() if " => " in line]
        for module in (MODULE, CONTROLLERS)
    ]
    assert replaced[0] == replaced[1] != []
    assert pinned_version("k8s.io/kubernetes", MODULE) == pinned_version("k8s.io/kubernetes", CONTROLLERS)
