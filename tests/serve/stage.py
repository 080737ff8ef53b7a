"""A topology of its own with platforms, an adapter that delivers its commands, and everything that follows, read back."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from click.testing import CliRunner, Result
from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient

from agents.inventory.alerts import Alert
from agents.inventory.campaigns.words import Acknowledgement, Command
from agents.runtime.partitioner import PARTITIONER
from agents.runtime.topics import Cluster
from agents.runtime.topology import load
from agents.serve.delivery.adapter import Adapter
from agents.serve.delivery.plan import DeliveryPlan, delivery_topics
from tests.integration.tails import Tail, quiet
from tests.serve.parts import OTHER_SECRET, SECRET, command
from tests.serve.receiver import encoded
from tools.brokers.encoding import codec_of
from tools.brokers.scratch import ClusterAddress, scratch_topology
from tools.cli import cli

ROOT = Path(__file__).resolve().parents[2]
HASTY: Mapping[str, Any] = {"first_back_off": "20ms", "longest_back_off": "100ms", "timeout": "5s"}


def now_ms() -> int:
    """The wall clock: commands must not have expired."""
    return time.time_ns() // 1_000_000


class Delivery:
    """Used with `with`. Platforms as topology.yaml has them; the secret of `Receiver` is given where none is."""

    def __init__(self, cluster: ClusterAddress, root: Path, platforms: Mapping[str, Any]) -> None:
        self.suffix = uuid.uuid4().hex[:8]
        self.root = root
        self.cluster = cluster
        file = root / "topology.yaml"
        given = {
            name: {"secrets": [encoded(SECRET), encoded(OTHER_SECRET)], **HASTY, **settings}
            if "url" in settings
            else settings
            for name, settings in platforms.items()
        }
        shipped = (ROOT / "topology.yaml").read_text(encoding="utf-8")
        file.write_text(f"{shipped}\nplatforms: {json.dumps(given)}\n", encoding="utf-8")  # JSON is YAML
        self.environment = {"ONHAND_PARTITIONS": "2"}
        self.topology = scratch_topology(
            load(file, self.environment),
            self.suffix,
            client_settings=cluster.client_settings,
            state_directory=root / "state",
        )
        topics = delivery_topics(self.topology)
        assert topics is not None
        self.topics = topics
        self.codec = codec_of(self.topology)
        self._encode = self.codec.encoder(topics.commands, "campaign_command")
        self._tails: list[Tail] = []
        self._processes: list[Process] = []

    def __enter__(self) -> Self:
        names = [self.topics.commands, self.topics.campaigns, self.topics.alerts, self.topics.dead_letters]
        Cluster(self.topology.kafka).create([self.topology.all_topics[name] for name in names if name])
        self._producer = Producer(
            {**self.topology.kafka, "enable.idempotence": True, "partitioner": PARTITIONER}, logger=quiet
        )
        self.answered = self._tail(self.topics.campaigns, "campaign")
        self.alerted = self._tail(self.topics.alerts or "", "alert")
        self.buried = self._tail(self.topics.dead_letters, None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for process in self._processes:
            process.end()
        for tail in self._tails:
            tail.close()
        admin = AdminClient(dict(self.topology.kafka), logger=quiet)
        for future in admin.delete_topics(list(self.topology.all_topics)).values():
            with contextlib.suppress(KafkaException):  # most were never created
                future.result(20)

    @property
    def partitions(self) -> int:
        """Of the topic of commands."""
        return self.topology.all_topics[self.topics.commands].partitions

    def send(self, *said: Command) -> None:
        """Commands come into their topic, by hand instead of by the guard."""
        for each in said:
            self.send_raw(each.campaign_id.encode(), self._encode(each))

    def send_raw(self, key: bytes, value: bytes) -> None:
        """Any bytes."""
        self._producer.produce(self.topics.commands, value, key)
        assert self._producer.flush(20) == 0

    def answers(self, count: int, seconds: float = 15.0) -> list[Acknowledgement]:
        """All answers in the campaigns' topic, as soon as there are so many."""
        self.answered.until(lambda tail: len(tail.all) >= count, seconds, f"{count} answers")
        return [record.acknowledgement for record in self.answered.all]

    def all_answers(self) -> list[Acknowledgement]:
        """Up to the end of now."""
        return [record.acknowledgement for record in self.answered.to_the_end(self.topology).all]

    def alerts(self, count: int, seconds: float = 30.0) -> list[Alert]:
        """All alerts, as soon as there are so many."""
        return self.alerted.until(lambda tail: len(tail.all) >= count, seconds, f"{count} alerts").all

    def adapter(self, instance: str = "1") -> Running:
        """An adapter in this process."""
        return Running(Adapter(DeliveryPlan(self.topology, self.codec, instance)))

    def process(self, instance: str = "1") -> Process:
        """An adapter in a process of its own."""
        process = Process(self, instance)
        self._processes.append(process)
        return process

    def ask(self, *arguments: str) -> Result:
        """What `onhand` says. No refusal is expected or excluded."""
        environment = {**self.environment, **self._variables}
        return CliRunner().invoke(cli, [*arguments, *self.options], prog_name="onhand", env=environment)

    def objects(self, *arguments: str) -> list[dict[str, Any]]:
        """What it says with --json, one object a line."""
        result = self.ask(*arguments, "--json")
        assert result.exit_code == 0, result.output
        return [json.loads(line) for line in result.stdout.splitlines()]

    @property
    def _variables(self) -> dict[str, str]:
        return {f"KAFKA_{k.upper().replace('.', '_')}": v for k, v in self.cluster.client_settings.items()}

    @property
    def options(self) -> list[str]:
        """Of every command that is about this topology."""
        file = str(self.root / "topology.yaml")
        return ["--topology", file, "--bootstrap", self.cluster.bootstrap, "--scratch", self.suffix]

    def _tail(self, topic: str, schema: str | None) -> Tail:
        decode = None if schema is None else self.codec.decoder(topic, schema)
        tail = Tail(self.topology, topic, lambda message: decode(message.value()) if decode else message)
        self._tails.append(tail)
        return tail


class Running:
    """An adapter on an event loop of its own, from `with` on."""

    def __init__(self, adapter: Adapter) -> None:
        self.adapter = adapter
        self.events: list[Mapping[str, Any]] = []
        adapter._on_event = self.events.append
        self.code: int | None = None
        self._thread = threading.Thread(target=self._run)
        self._ready = threading.Event()

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with contextlib.suppress(RuntimeError):  # it has ended by itself
            self.ask_to_stop()
        self._thread.join(60)
        assert not self._thread.is_alive(), "it does not stop"

    @property
    def partitions(self) -> frozenset[int]:
        """Those of which it delivers the commands now."""
        session = self.adapter._session
        return frozenset() if session is None else frozenset(list(session._progress)) - session._leaving

    def until_calling(self, seconds: float = 20.0) -> None:
        """Wait until a call of it is under way."""
        deadline = time.monotonic() + seconds
        while self.adapter._session is None or not self.adapter._session._calls:
            assert time.monotonic() < deadline, "it calls nobody"
            time.sleep(0.01)

    def ask_to_stop(self) -> None:
        """As a signal would. The end of `with` waits for it."""
        self._loop.call_soon_threadsafe(self._stop.set)

    def wait_until_it_ends(self, seconds: float = 30.0) -> int | None:
        """By itself."""
        self._thread.join(seconds)
        return self.code

    def until(self, what: str, count: int = 1, seconds: float = 20.0) -> None:
        """Wait until so many events of a kind were told."""
        deadline = time.monotonic() + seconds
        while sum(event["event"] == what for event in self.events) < count:
            assert time.monotonic() < deadline, f"not {count} times {what}: {self.events[-5:]}"
            time.sleep(0.01)

    def _run(self) -> None:
        async def main() -> int:
            self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
            self._ready.set()
            return await self.adapter.run(self._stop)

        self.code = asyncio.run(main())


class Process:
    """`onhand deliver` as a process."""

    def __init__(self, delivery: Delivery, instance: str) -> None:
        self._log = delivery.root / f"deliver-{instance}.log"
        options = [*delivery.options, "--instance", instance, "--log-format", "text"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tools", "deliver", *options],
                cwd=ROOT,
                env={**os.environ, **delivery.environment, **delivery._variables},
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self._process.kill()
        self._process.wait(10)

    def terminate(self) -> int:
        """SIGTERM. Returns the exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(30)

    def text(self) -> str:
        """All it has logged."""
        return self._log.read_text(errors="replace")

    def end(self) -> None:
        """End it in any case; its log is shown where the test failed."""
        print(self.text())  # noqa: T201
        if self._process.poll() is None:
            self.kill()


def pause(campaign: str, attempt: int = 1, **fields: Any) -> Command:
    """A PAUSE that has not expired."""
    given = {"campaign_id": campaign, "at_ms": now_ms(), "expires_at_ms": now_ms() + 300_000, **fields}
    return command(given.pop("sequence", 1), attempt=attempt, **given)
