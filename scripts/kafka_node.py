"""One Kafka broker on a loopback port, for trying out and for tests; never for data that matters.

Its jars are fetched by the Ivy inside pyspark, as the Delta jars are, and kept only when
each has its pinned SHA-256 (`scripts/kafka.jars`).
"""

import argparse
import base64
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

from headrace.failures import PlaceFailure
from jobs.cluster.java import find_java

HERE = Path(__file__).parent
CACHE = HERE.parent / ".cache"
_PINNED = HERE / "kafka.jars"  # as sha256sum prints
_WHAT = ("org.apache.kafka", "kafka_2.13", "4.4.0")
_PATIENCE = 60  # seconds until a broker answers, on a busy machine
_SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{control}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{control}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={folder}/data
num.partitions=1
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
auto.create.topics.enable=false
"""


def jars() -> Path:
    """The folder that holds exactly the pinned jars: $HEADRACE_KAFKA, else `.cache/kafka`; fetched when they lack.

    Raises:
        PlaceFailure: no Java, no way to a Maven repository, or other bytes than pinned.
    """
    folder = Path(os.environ.get("HEADRACE_KAFKA") or CACHE / "kafka")
    if not _differing(folder):
        return folder
    java = find_java()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".fetch-") as draft:
        said = _retrieve(java, Path(draft))
        if differing := _differing(Path(draft) / "jars"):
            raise PlaceFailure(f"Kafka's jars could not be fetched as pinned ({differing[0]} differs): {said[-600:]}")
        folder.mkdir(exist_ok=True)
        for jar in (Path(draft) / "jars").iterdir():
            jar.replace(folder / jar.name)
    return folder


def _differing(folder: Path) -> list[str]:
    pinned = [line.split() for line in _PINNED.read_text().splitlines()]
    return [name for digest, name in pinned if _digest(folder / name) != digest]


def _digest(path: Path) -> str:
    if not path.is_file():
        return "not there"
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _retrieve(java: str, draft: Path) -> str:
    import pyspark  # noqa: PLC0415  # only its Ivy is wanted, and only when something is missing

    ivy = Path(pyspark.__file__).parent / "jars" / "*"
    command = [java, "-cp", str(ivy), "org.apache.ivy.Main", "-cache", str(draft / "ivy")]
    command += ["-confs", "default,runtime", "-dependency", *_WHAT, "-types", "jar", "bundle", "-warn"]
    command += ["-retrieve", f"{draft}/jars/[artifact]-[revision].[ext]"]
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    except subprocess.TimeoutExpired:
        return "no answer within 300 s"
    return (run.stdout + run.stderr).strip()


def start(folder: Path) -> str:
    """A broker that answers, with its data in the folder; returns its address. One that runs there is left alone.

    Raises:
        PlaceFailure: no jars, or it does not come up.
    """
    if found := running(folder):
        return found
    libraries, java = jars(), find_java()
    folder.mkdir(parents=True, exist_ok=True)
    port, control = _free_ports(2)
    settings = folder / "server.properties"
    settings.write_text(_SETTINGS.format(host="127.0.0.1", port=port, control=control, folder=folder.resolve()))
    log, classes = folder / "server.log", str(libraries / "*")
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
    with log.open("wb") as said:
        form = [java, "-cp", classes, "kafka.tools.StorageTool", "format", "--ignore-formatted"]
        subprocess.run(
            [*form, "-t", cluster, "-c", str(settings)], stdout=said, stderr=said, check=False, timeout=_PATIENCE
        )
        serve = [java, "-Xmx512m", "-XX:+UseSerialGC", "-cp", classes, "kafka.Kafka", str(settings)]
        broker = subprocess.Popen(serve, stdout=said, stderr=said, stdin=subprocess.DEVNULL, start_new_session=True)
    servers = f"127.0.0.1:{port}"
    (folder / "node.json").write_text(json.dumps({"process": broker.pid, "servers": servers}))
    deadline = time.monotonic() + _PATIENCE
    while not _answers(servers):
        if broker.poll() is not None or time.monotonic() > deadline:
            broker.kill()
            raise PlaceFailure(f"the Kafka broker does not come up: {log.read_text(errors='replace')[-1000:]}")
        time.sleep(0.2)
    return servers


def running(folder: Path) -> str | None:
    """The address of the broker that was started with this folder and still runs."""
    node = _node(folder)
    return str(node["servers"]) if node else None


def stop(folder: Path) -> bool:
    """No broker started with this folder runs afterwards; whether one did. Nothing else is touched."""
    node = _node(folder)
    if node is None:
        return False
    process = int(node["process"])
    for how, patience in ((signal.SIGTERM, 20.0), (signal.SIGKILL, 5.0)):
        os.kill(process, how)
        deadline = time.monotonic() + patience
        while _node(folder) is not None and time.monotonic() < deadline:
            time.sleep(0.1)
        if _node(folder) is None:
            break
    (folder / "node.json").unlink(missing_ok=True)
    return True


def _node(folder: Path) -> dict[str, object] | None:
    """What was noted of the folder's broker, where the process of that number is still that broker."""
    try:
        node: dict[str, object] = json.loads((folder / "node.json").read_text())
    except (OSError, ValueError):
        return None
    process = int(str(node["process"]))
    seen = subprocess.run(
        ["ps", "-ww", "-o", "stat=,args=", "-p", str(process)], capture_output=True, text=True, check=False
    )
    ours = str(folder / "server.properties") in seen.stdout and not seen.stdout.startswith("Z")
    return node if ours else None


def _answers(servers: str) -> bool:
    from confluent_kafka import KafkaException  # noqa: PLC0415  # an extra: scripts/setup installs it for development
    from confluent_kafka.admin import AdminClient  # noqa: PLC0415

    asking = AdminClient({"bootstrap.servers": servers, "log_level": 0}, logger=None)
    try:
        asking.list_topics(timeout=1)
    except KafkaException:
        return False
    return True


def _free_ports(count: int) -> list[int]:
    asked = [socket.socket() for _ in range(count)]
    try:
        for each in asked:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in asked]
    finally:
        for each in asked:
            each.close()


def main() -> int:
    """Start, stop or look; exit code 4 where it cannot be done, 1 where `status` finds none."""
    parser = argparse.ArgumentParser(prog="scripts/kafka", description=__doc__)
    parser.add_argument("what", choices=("start", "stop", "status"))
    parser.add_argument("--folder", type=Path, default=CACHE / "kafka-node", help="of its data and its log")
    call = parser.parse_args()
    try:
        if call.what == "start":
            print(start(call.folder))
        elif call.what == "stop":
            print("kafka: stopped" if stop(call.folder) else "kafka: not running")
        else:
            servers = running(call.folder)
            print(servers or "kafka: not running")
            return 0 if servers else 1
    except PlaceFailure as failure:
        sys.stderr.write(f"kafka: {failure}\n")
        return failure.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
