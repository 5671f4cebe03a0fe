"""A project over a topic, and a producer that never rests: good clicks with poison among them."""

import json
import random
import threading
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

PARTITIONS = 3
POISON = (None, b"", b"[" * 100_000, b'{"id": 1, "at": "\xff"}', b'{"id": 1', b"null", b'{"id": ' + b"9" * 30 + b"}")
CONTRACT = """\
dataset: clicks
source: {format: jsonl, topic: TOPIC}
time: at
lateness: 1d
contract:
  columns:
    id: {type: int, required: true, min: 0}
    at: {type: timestamp, required: true}
    page: {type: string, path: where.page}
  rules: {short: length(page) < 50}
"""  # no key: what tokens miss would not be found as a duplicate
_POISON_EVERY = 50


class Clicks:
    """The project `web` in a folder, its topic, and the producer."""

    def __init__(self, folder: Path, servers: str, random_: random.Random) -> None:
        self.topic = f"clicks-{uuid.uuid4().hex[:8]}"
        self.config = folder / "web" / "clicks.yaml"
        self.good = self.bad = 0
        self._servers, self._random = servers, random_
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._produce)
        self._fault: BaseException | None = None
        admin = AdminClient({"bootstrap.servers": servers})
        admin.create_topics([NewTopic(self.topic, PARTITIONS, 1)])[self.topic].result(20)
        self.config.parent.mkdir(parents=True)
        self.config.write_text(CONTRACT.replace("TOPIC", self.topic))

    def _produce(self) -> None:
        try:
            producer = Producer(
                {"bootstrap.servers": self._servers, "enable.idempotence": True, "linger.ms": 20, "log_level": 0}
            )
            while not self._stop.wait(self._random.uniform(0.05, 0.3)):
                for number in range(self.good, self.good + self._random.randint(20, 400)):
                    self._send(producer, number)
                if left := producer.flush(60):
                    raise RuntimeError(f"{left} messages could not be produced")  # noqa: TRY301
        except BaseException as fault:  # noqa: BLE001  # handed to whoever waits for the producer
            self._fault = fault

    def _send(self, producer: Producer, number: int) -> None:
        at = datetime.now(UTC)
        late = timedelta(days=2) if number % 20 == 0 else timedelta()
        row = {"id": number, "at": (at - late).isoformat(), "where": {"page": f"p{number % 17}"}}
        producer.produce(self.topic, json.dumps(row).encode(), partition=number % PARTITIONS)
        self.good += 1
        if number % _POISON_EVERY == 0:
            producer.produce(self.topic, POISON[self.bad % len(POISON)], partition=number % PARTITIONS)
            self.bad += 1

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.rest()

    def rest(self) -> None:
        """Produce no more; everything counted is in the topic afterwards.

        Raises:
            RuntimeError: something could not be produced.
        """
        self._stop.set()
        self._thread.join()
        if self._fault is not None:
            raise RuntimeError(f"the producer: {self._fault}") from self._fault
