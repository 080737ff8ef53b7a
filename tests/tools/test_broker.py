from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from tools.brokers import apache_kafka, embedded
from tools.brokers.apache_kafka import ApacheKafka, unavailable_reason
from tools.brokers.embedded import EmbeddedBroker
from tools.brokers.local import BrokerFailed, LocalBroker, free_port

ONHAND = [sys.executable, "-c", "from tools.cli import main; main()"]
ROOT = Path(__file__).resolve().parents[2]

needs_embedded = pytest.mark.skipif(embedded.program() is None, reason=str(embedded.unavailable_reason()))
needs_kafka = pytest.mark.skipif(unavailable_reason() is not None, reason=str(unavailable_reason()))


def create_topic(broker: LocalBroker, name: str) -> None:
    admin = AdminClient(dict(broker.client_settings))
    admin.create_topics([NewTopic(name, 1, 1)])[name].result()


def topics_of(broker: LocalBroker) -> set[str]:
    return set(AdminClient(dict(broker.client_settings)).list_topics(timeout=10).topics)


def start_command(*arguments: str, cwd: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [*ONHAND, "broker", *arguments],
        cwd=cwd,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@needs_embedded
@pytest.mark.embedded
def test_the_embedded_broker_keeps_its_topics_over_a_restart(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path) as broker:
        create_topic(broker, "kept")
        before = broker.pid
        broker.restart()
        assert broker.pid != before
        assert "kept" in topics_of(broker)


@needs_embedded
@pytest.mark.embedded
def test_a_stopped_broker_leaves_no_process_and_can_be_started_again(tmp_path: Path) -> None:
    broker = EmbeddedBroker(tmp_path).start()
    pid = broker.pid
    broker.stop()
    assert not psutil.pid_exists(pid)
    assert not broker.running
    with pytest.raises(BrokerFailed, match="not running"):
        _ = broker.pid
    with broker:
        assert broker.running


@needs_embedded
@pytest.mark.embedded
def test_a_killed_broker_is_gone_at_once_and_starts_again_on_its_port(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path) as broker:
        address, pid = broker.bootstrap, broker.pid
        broker.kill()
        assert not psutil.pid_exists(pid)
        broker.start()
        assert broker.bootstrap == address


@needs_embedded
@pytest.mark.embedded
def test_a_frozen_broker_is_stopped_too(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path) as broker:
        pid = broker.pid
        os.kill(pid, signal.SIGSTOP)
        broker.stop(patience_seconds=0.5)
        assert not psutil.pid_exists(pid)


@needs_embedded
@pytest.mark.embedded
def test_a_broker_without_a_directory_leaves_no_files() -> None:
    with EmbeddedBroker() as broker:
        directory = broker.directory
        assert directory.exists()
    assert not directory.exists()


@needs_embedded
@pytest.mark.embedded
def test_two_brokers_never_share_a_data_directory(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path), pytest.raises(BrokerFailed, match="another broker uses"):
        EmbeddedBroker(tmp_path).start()


@needs_embedded
@pytest.mark.embedded
def test_a_broker_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    script = (
        "import sys, time, pathlib\n"
        "from tools.brokers.embedded import EmbeddedBroker\n"
        "with EmbeddedBroker(pathlib.Path(sys.argv[1])) as broker:\n"
        "    print(broker.pid, flush=True)\n"
        "    time.sleep(60)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", script, str(tmp_path)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        broker = psutil.Process(int(starter.stdout.readline()))
        starter.kill()
    _, alive = psutil.wait_procs([broker], timeout=15)
    assert not alive


def test_a_missing_program_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(embedded, "program", lambda: None)
    with pytest.raises(BrokerFailed, match="pip install"):
        EmbeddedBroker(tmp_path).start()


def test_missing_java_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "needs Java 17" in str(unavailable_reason(tmp_path))


def test_an_old_java_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\"' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert str(unavailable_reason(tmp_path)).endswith("`java` is 11")


def test_maven_is_needed_only_until_the_jars_are_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\necho 'openjdk version \"21\"' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "no `mvn`" in str(unavailable_reason(tmp_path))
    (tmp_path / f"kafka-{apache_kafka.KAFKA_VERSION}" / "libs").mkdir(parents=True)
    assert unavailable_reason(tmp_path) is None


@needs_embedded
@pytest.mark.embedded
def test_a_port_in_use_is_told_in_a_sentence(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path / "one") as first, pytest.raises(BrokerFailed, match="in use by another program"):
        EmbeddedBroker(tmp_path / "two", first.port).start()


@needs_embedded
@pytest.mark.embedded
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_prints_its_address_and_ends_on_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    port = free_port()
    with start_command("--json", "--port", str(port), "--data", "here", cwd=tmp_path) as command:
        assert command.stdout is not None
        ready = json.loads(command.stdout.readline())
        assert ready["bootstrap"] == f"127.0.0.1:{port}"
        broker = psutil.Process(ready["pid"])
        command.send_signal(number)
        assert command.wait(30) == 0
    assert not broker.is_running()
    assert (tmp_path / "here" / "broker.log").exists()


@needs_embedded
@pytest.mark.embedded
def test_the_command_says_what_to_do_next_and_that_it_is_for_small_loads(tmp_path: Path) -> None:
    with start_command("--port", "0", cwd=tmp_path) as command:
        assert command.stdout is not None
        said = ""
        while "Ctrl-C" not in said:
            line = command.stdout.readline()
            assert line, said
            said += line
        command.terminate()
        assert command.wait(30) == 0
    assert "onhand topics create --bootstrap 127.0.0.1:" in said
    assert "one snapshot" in said


@needs_embedded
@pytest.mark.embedded
def test_the_command_cannot_start_on_a_port_in_use(tmp_path: Path) -> None:
    with (
        EmbeddedBroker(tmp_path / "first") as first,
        start_command("--json", "--port", str(first.port), cwd=tmp_path) as command,
    ):
        assert command.wait(30) == 3
        assert command.stderr is not None
        assert "in use" in json.loads(command.stderr.read())["error"]


@needs_embedded
@pytest.mark.embedded
def test_the_command_ends_when_its_broker_ends(tmp_path: Path) -> None:
    with start_command("--json", "--port", "0", cwd=tmp_path) as command:
        assert command.stdout is not None
        os.kill(json.loads(command.stdout.readline())["pid"], signal.SIGKILL)
        assert command.wait(30) == 3
        assert command.stderr is not None
        assert "ended by itself" in command.stderr.read()


@needs_kafka
@pytest.mark.kafka
@pytest.mark.slow
def test_apache_kafka_keeps_its_topics_over_a_kill(tmp_path: Path) -> None:
    with ApacheKafka(tmp_path) as broker:
        create_topic(broker, "kept")
        pid = broker.pid
        broker.kill()
        assert not psutil.pid_exists(pid)
        broker.start()
        assert "kept" in topics_of(broker)
        pid = broker.pid
    assert not psutil.pid_exists(pid)
