from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from typing import Any

import pytest
import yaml

from tests.house.house import ROOT
from tools import reference

COMPOSE = ROOT / "docker-compose.yml"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    document = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
    found: dict[str, Any] = document["services"]
    return found


def test_docker_compose_accepts_the_file() -> None:
    docker = shutil.which("docker")
    if docker is None:
        pytest.skip("docker is not installed")
    if subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode != 0:
        pytest.skip("docker is here without its compose plug-in")
    judged = subprocess.run(
        [docker, "compose", "--file", str(COMPOSE), "config", "--quiet"], capture_output=True, text=True, check=False
    )
    assert judged.returncode == 0, judged.stderr


def test_the_broker_lets_go_of_a_dead_worker_within_six_seconds(services: dict[str, Any]) -> None:
    settings = services["kafka"]["environment"]
    assert settings["KAFKA_GROUP_CONSUMER_SESSION_TIMEOUT_MS"] == 6000
    assert settings["KAFKA_GROUP_CONSUMER_MIN_SESSION_TIMEOUT_MS"] == 6000
    assert settings["KAFKA_GROUP_CONSUMER_HEARTBEAT_INTERVAL_MS"] == 1000
    assert settings["KAFKA_TRANSACTION_ABORT_TIMED_OUT_TRANSACTION_CLEANUP_INTERVAL_MS"] == 1000
    assert settings["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"
    assert settings["KAFKA_UNCLEAN_LEADER_ELECTION_ENABLE"] == "false"


def test_the_broker_is_reached_from_inside_and_from_this_machine(services: dict[str, Any]) -> None:
    kafka = services["kafka"]
    advertised = dict(item.split("://") for item in kafka["environment"]["KAFKA_ADVERTISED_LISTENERS"].split(","))
    assert advertised == {"INTERNAL": "kafka:19092", "EXTERNAL": "localhost:9092"}
    listeners = dict(item.split("://") for item in kafka["environment"]["KAFKA_LISTENERS"].split(","))
    protocols = dict(
        item.split(":") for item in kafka["environment"]["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(",")
    )
    assert listeners.keys() == protocols.keys() == {*advertised, "CONTROLLER"}


def test_our_services_know_the_broker_and_the_registry(services: dict[str, Any]) -> None:
    for name in ("topics", "worker-1", "worker-2"):
        assert services[name]["environment"]["KAFKA_BOOTSTRAP_SERVERS"] == "kafka:19092"
        assert services[name]["environment"]["SCHEMA_REGISTRY_URL"] == "http://registry:8081"


def test_ports_are_open_to_this_machine_only(services: dict[str, Any]) -> None:
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_images_are_pinned_and_ours_has_the_version_of_the_project(services: dict[str, Any]) -> None:
    images = {service["image"] for service in services.values()}
    assert all(re.search(r":\d+\.\d+\.\d+$", image) for image in images), images
    assert f"{PROJECT['name']}:{PROJECT['version']}" in images
    assert any(image.startswith("apache/kafka:4.") for image in images)


def test_everybody_waits_for_what_it_needs(services: dict[str, Any]) -> None:
    for name in ("worker-1", "worker-2"):
        conditions = {needed: how["condition"] for needed, how in services[name]["depends_on"].items()}
        assert conditions == {
            "kafka": "service_healthy",
            "registry": "service_healthy",
            "topics": "service_completed_successfully",
        }
    for name, service in services.items():
        for needed, how in service.get("depends_on", {}).items():
            assert needed in services, f"{name} waits for {needed}"
            assert how["condition"] != "service_healthy" or "healthcheck" in services[needed]


def test_the_topics_are_created_once_and_the_workers_keep_running(services: dict[str, Any]) -> None:
    assert services["topics"]["command"] == ["topics", "create"]
    assert "restart" not in services["topics"]
    assert all(services[name]["command"] == ["worker"] for name in ("worker-1", "worker-2"))
    assert all(services[name]["restart"] == "unless-stopped" for name in ("worker-1", "worker-2"))


def test_every_worker_has_a_name_and_state_of_its_own(services: dict[str, Any]) -> None:
    names = [services[name]["environment"]["ONHAND_INSTANCE"] for name in ("worker-1", "worker-2")]
    assert names == ["worker-1", "worker-2"]
    volumes = [services[name]["volumes"][0].split(":")[0] for name in ("worker-1", "worker-2")]
    assert len(set(volumes)) == 2
    declared = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["volumes"]
    assert set(volumes) <= set(declared)


def test_the_image_runs_without_root_and_hears_the_signal_itself() -> None:
    lines = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8").splitlines()
    assert "USER onhand" in lines
    assert 'ENTRYPOINT ["onhand"]' in lines
    assert "STOPSIGNAL SIGTERM" in lines


def test_the_image_is_given_everything_the_package_needs() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    for name in ("pyproject.toml", "README.md", "topology.yaml", "agents", "schemas", "tools"):
        assert f"!{name}" in ignored
        assert re.search(rf"^COPY .*\b{re.escape(name)}\b", dockerfile, re.MULTILINE), name


def test_the_state_of_the_image_is_in_its_volume() -> None:
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    assert "ONHAND_STATE=/var/lib/onhand/state" in dockerfile
    assert "VOLUME /var/lib/onhand" in dockerfile


def test_continuous_integration_runs_what_a_developer_runs() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    steps = re.findall(r"^step \S+ (make \w+)", script.read_text(encoding="utf-8"), re.MULTILINE)
    assert steps[:4] == ["make check", "make test", "make stories", "make demo"]
    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0


def test_continuous_integration_uses_options_that_the_commands_have() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for name, arguments in re.findall(r'^step \S+ make (\w+) ARGS="([^"]*)"', script, re.MULTILINE):
        ((_, command),) = reference.commands_of(name)
        options = {option for parameter in command.params for option in parameter.opts}
        assert set(re.findall(r"--[a-z-]+", arguments)) <= options, name
