"""A double of S3 on loopback, and a bucket of its own for each test."""

import os
import re
import subprocess
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path

import pytest

KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}


@dataclass
class Double:
    """The server and what it was asked for."""

    endpoint: str
    log: Path

    @property
    def env(self) -> dict[str, str]:
        """What every process needs to reach it."""
        return {**KEYS, "AWS_ENDPOINT_URL": self.endpoint, "AWS_ALLOW_HTTP": "true"}

    def asked(self) -> list[tuple[str, str]]:
        """Method and path of every request so far."""
        text = re.sub(r"\x1b\[\d*m", "", self.log.read_text())
        return re.findall(r'"([A-Z]+) (\S+) HTTP', text)


@pytest.fixture(scope="session")
def double(tmp_path_factory):
    """A moto server in a process of its own, on a free port."""
    pytest.importorskip("moto.server", reason="moto[server], the double of S3, is not installed")
    log = tmp_path_factory.mktemp("moto") / "log"
    call = [sys.executable, "-c", "from moto.server import main; main()", "-H", "127.0.0.1", "-p", "0"]
    with log.open("w") as said, subprocess.Popen(call, stdout=said, stderr=said) as server:
        try:
            yield Double(_endpoint(log, server), log)
        finally:
            server.terminate()


def _endpoint(log, server):
    for _ in range(600):
        if found := re.search(r"Running on (http://127\.0\.0\.1:\d+)", log.read_text()):
            return found[1]
        try:
            server.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
        break
    pytest.fail(f"moto does not start: {log.read_text()[-500:]}")


@pytest.fixture
def store(double, monkeypatch):
    """The URI of a new bucket, which this process can reach."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in double.env.items():
        monkeypatch.setenv(name, value)
    from headrace.storage import reach  # noqa: PLC0415  # needs the library

    monkeypatch.setattr(reach, "_reached", {})
    bucket = f"b{uuid.uuid4().hex[:12]}"
    client().create_bucket(Bucket=bucket)
    return f"s3://{bucket}"


@pytest.fixture
def raw_client(store):
    """AWS's own client, which takes every key."""
    return client()


def client():
    import boto3  # noqa: PLC0415  # comes with moto

    return boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"], region_name="us-east-1")
