"""What the Makefile runs: `python -m dev` with one of the commands that `--help` lists."""

import argparse
import importlib
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from dev.assets import ensure_assets, ensure_controller_manager, ensure_helm
from dev.cluster import Cluster
from dev.contract.tools import ensure_tools
from dev.demo import KILLS
from dev.demo import main as play_demo
from dev.errors import DevError
from dev.layout import REPOSITORY
from dev.progress import Progress
from dev.promtool.build import ensure_promtool
from dev.realcluster.cluster import RealCluster
from dev.realcluster.images import TAG, ensure_image, ensure_pause
from dev.realcluster.needs import require_node


def up(options: argparse.Namespace) -> int:
    """Starts the control plane and tells how to use it."""
    cluster = _cluster(options, durable=True).start()
    print(f"The control plane is ready at {cluster.url}")
    print(f"  people     export KUBECONFIG={cluster.kubeconfig}")
    print(f"  operator   KUBECONFIG={cluster.operator_kubeconfig} watchbill run")
    print(f"  kubectl    {cluster.kubectl}")
    return 0


def down(options: argparse.Namespace) -> int:
    """Stops the control plane."""
    _cluster(options).stop()
    print("The control plane is stopped.")
    return 0


def status(options: argparse.Namespace) -> int:
    """Tells whether the control plane runs; exits with 3 when it does not."""
    cluster = _cluster(options)
    if cluster.find():
        print(f"The control plane is running at {cluster.url}")
        return 0
    print("The control plane is not running; `make up` starts it.")
    return 3


def build(_: argparse.Namespace) -> int:
    """Builds what the control plane needs, or finds that it is there, and prints where."""
    print(ensure_assets(os.environ, Progress()).directory)
    return 0


def controllers(_: argparse.Namespace) -> int:
    """Builds kube-controller-manager, which few tests need, or finds that it is there, and prints where."""
    print(ensure_controller_manager(os.environ, Progress()))
    return 0


def helm(_: argparse.Namespace) -> int:
    """Builds Helm, which the tests of the chart need, or finds that it is there, and prints where."""
    print(ensure_helm(os.environ, Progress()))
    return 0


def promtool(_: argparse.Namespace) -> int:
    """Builds promtool, which the tests of alerts need, or finds that it is there, and prints where."""
    print(ensure_promtool(os.environ, Progress()))
    return 0


def contract(_: argparse.Namespace) -> int:
    """Installs what the contract tests need, or finds that it is there, and prints where."""
    tools = ensure_tools(os.environ, Progress())
    print(tools.packages, tools.mitmproxy, sep="\n")
    return 0


def generate(options: argparse.Namespace) -> int:
    """Writes what is made from the models; with --check tells what is stale instead."""
    # Not at the top: the models take half a second to import, and `up` does not need them.
    code: int = importlib.import_module("dev.generate").main(check=options.check)
    return code


def demo(options: argparse.Namespace) -> int:
    """Plays one incident on a control plane of its own, and leaves nothing running."""
    return play_demo(options.directory, options.manifests, options.kill_at)


def image(_: argparse.Namespace) -> int:
    """Builds the operator's image, or finds that it is there, and prints where its archive is."""
    print(ensure_image(os.environ, Progress()))
    return 0


def cluster(options: argparse.Namespace) -> int:
    """Builds, starts or ends a real cluster of one node, of which a machine can hold one; it needs root."""
    if options.wish == "down":
        RealCluster().stop()
        print("The cluster is ended, and the machine is as it was.")
        return 0
    require_node(os.environ)
    images = [ensure(os.environ, Progress()) for ensure in (ensure_pause, ensure_image)]
    real = RealCluster(images, die_with_parent=False)
    print(real.binaries.node, *images, sep="\n")
    if options.wish == "build":
        return 0
    real.start()
    print(f"The node is ready, with the operator's image as {TAG}")
    print(f"  people     export KUBECONFIG={real.kubeconfig}")
    print(f"  kubectl    {real.kubectl}")
    return 0


COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "up": up,
    "down": down,
    "status": status,
    "build": build,
    "controllers": controllers,
    "helm": helm,
    "promtool": promtool,
    "contract": contract,
    "generate": generate,
    "demo": demo,
    "image": image,
    "cluster": cluster,
}


def main(arguments: list[str]) -> int:
    """The exit code of one command: 1 after an error in one sentence, 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m dev", description=__doc__)
    parser.add_argument("--directory", type=Path, help="where the state is kept")
    parser.add_argument("--manifests", type=Path, default=REPOSITORY, help="what is installed")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, command in COMMANDS.items():
        added = commands.add_parser(name, help=command.__doc__, description=command.__doc__)
        if command is generate:
            added.add_argument("--check", action="store_true", help="write nothing")
        if command is cluster:
            added.add_argument("wish", choices=("build", "up", "down"))
        if command is demo:
            added.add_argument(
                "--kill-at", action="append", default=[], choices=KILLS, help="kill -9 the operator there"
            )
    chosen = parser.parse_args(arguments)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupted)
    try:
        return COMMANDS[chosen.command](chosen)
    except DevError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted; nothing that this command started is left running.", file=sys.stderr)
        return 130


def _cluster(options: argparse.Namespace, durable: bool = False) -> Cluster:
    return Cluster(options.directory, manifests=options.manifests, die_with_parent=False, durable=durable)


def _interrupted(number: int, frame: FrameType | None) -> None:
    """Ends the command once: what it started is stopped without being interrupted again."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
