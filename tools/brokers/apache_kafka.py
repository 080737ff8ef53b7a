"""Apache Kafka on this machine without Docker: Maven copies the jars, Java runs one node as broker and controller.

The jars (45 MB) are copied once into a cache directory: `$ONHAND_KAFKA_HOME`, else `.kafka/` in the project. After that
neither Maven nor a network is needed. One node takes 300 to 700 MB and is ready in about 5 seconds.

Data directory of a broker:
    server.properties, log4j2.properties    written anew at each start
    broker.log                              what it said
    data/                                   the log directories; formatted at the first start
"""

from __future__ import annotations

import base64
import fcntl
import os
import re
import shutil
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.brokers.local import LOOPBACK, BrokerFailed, LocalBroker, free_port

KAFKA_VERSION = "4.1.1"
LOG4J_VERSION = "2.25.2"
JAVA_AT_LEAST = 17
JVM_OPTIONS = ("-Xms256m", "-Xmx768m", "-XX:+UseSerialGC")
"""A bounded heap, and a collector without threads of its own: on two cores those take turns from the broker, and the
median latency of a committed level at 2,000 transactions/s was 57 ms with the default collector, 44 ms with this."""
HOME_VARIABLE = "ONHAND_KAFKA_HOME"
SUPER_USER = "admin"

COPY_GOAL = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"

POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>onhand</groupId>
  <artifactId>apache-kafka</artifactId>
  <version>{KAFKA_VERSION}</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>{KAFKA_VERSION}</version>
    </dependency>
    <!-- Kafka brings slf4j 1.7, so the bridge for 1.7 and not slf4j2. -->
    <dependency>
      <groupId>org.apache.logging.log4j</groupId>
      <artifactId>log4j-slf4j-impl</artifactId>
      <version>{LOG4J_VERSION}</version>
    </dependency>
  </dependencies>
</project>
"""

LOG4J = """rootLogger.level = INFO
rootLogger.appenderRef.stdout.ref = STDOUT
appender.stdout.type = Console
appender.stdout.name = STDOUT
appender.stdout.layout.type = PatternLayout
appender.stdout.layout.pattern = %d{ISO8601} %p %c: %m%n
"""

# What DESIGN asks of any cluster (short sessions, quick clean-up of dead transactions), and small internal topics, which a
# single node creates faster. Nothing here makes it less durable than Kafka's defaults against a killed process.
SETTINGS: Mapping[str, str] = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "CLIENT",
    "auto.create.topics.enable": "false",
    "num.partitions": "1",
    "default.replication.factor": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "group.initial.rebalance.delay.ms": "0",
    "group.consumer.min.session.timeout.ms": "6000",
    "group.consumer.session.timeout.ms": "6000",
    "group.consumer.min.heartbeat.interval.ms": "1000",
    "group.consumer.heartbeat.interval.ms": "1000",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
}


def default_home() -> Path:
    """Return the cache directory of the jars: the variable, else the project's `.kafka`, else the user's cache."""
    named = os.environ.get(HOME_VARIABLE)
    if named:
        return Path(named).expanduser().resolve()
    project = Path(__file__).resolve().parents[2]
    if (project / "pyproject.toml").exists() or (project / "schemas").is_dir():
        return project / ".kafka"
    return Path.home() / ".cache" / "onhand" / "kafka"


def unavailable_reason(home: Path | None = None) -> str | None:
    """Say in one sentence why Apache Kafka cannot run here, or return None if it can."""
    java = shutil.which("java")
    if java is None:
        return f"Apache Kafka needs Java {JAVA_AT_LEAST} or later, and there is no `java` on the path"
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    version = re.search(r'version "(\d+)', said.stderr + said.stdout)
    if version is None or int(version.group(1)) < JAVA_AT_LEAST:
        found = version.group(1) if version else "one that does not say its version"
        return f"Apache Kafka needs Java {JAVA_AT_LEAST} or later, and `java` is {found}"
    if not _complete(home or default_home()) and shutil.which("mvn") is None:
        return "Apache Kafka's jars are copied by Maven, and there is no `mvn` on the path"
    return None


def jars(home: Path | None = None) -> Path:
    """Return the directory of Apache Kafka's jars, copied by Maven if they are not there yet. Raises BrokerFailed."""
    home = home or default_home()
    if not _complete(home):
        reason = unavailable_reason(home)
        if reason is not None:
            raise BrokerFailed(reason)
        home.mkdir(parents=True, exist_ok=True)
        with (home / "lock").open("w") as lock:
            # Two test runs at once: the second waits, and then finds them.
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not _complete(home):
                _copy_jars(home)
    return _libraries(home)


def _libraries(home: Path) -> Path:
    return home / f"kafka-{KAFKA_VERSION}" / "libs"


def _complete(home: Path) -> bool:
    return _libraries(home).is_dir()


def _copy_jars(home: Path) -> None:
    folder = _libraries(home).parent
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pom.xml").write_text(POM)
    partial = folder / "libs.partial"
    shutil.rmtree(partial, ignore_errors=True)
    command = ["mvn", "-q", "-B", "-Dstyle.color=never", COPY_GOAL, f"-DoutputDirectory={partial}"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0 or not any(partial.glob("kafka_2.13-*.jar")):
        raise BrokerFailed(f"Maven could not copy Apache Kafka's jars:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    # The name appears only when everything is there.
    partial.rename(folder / "libs")


class ApacheKafka(LocalBroker):
    """One Apache Kafka node on a loopback port, with its data under `directory`.

    `settings` are added to server.properties. With `users` (name -> password) clients must authenticate by SASL/PLAIN over
    plain TCP, and ACLs hold: the user `admin`, who must be among them, may do everything, the others nothing until an ACL
    says so. `client_settings` are then those of `admin`.
    """

    name = "Apache Kafka"

    def __init__(
        self,
        directory: Path,
        port: int | None = None,
        *,
        users: Mapping[str, str] | None = None,
        settings: Mapping[str, str] | None = None,
        home: Path | None = None,
    ) -> None:
        if users is not None and SUPER_USER not in users:
            raise ValueError(f"users must contain {SUPER_USER!r}: the broker itself connects under that name")
        super().__init__(Path(directory).resolve(), port)
        self._users = dict(users or {})
        self._settings = dict(settings or {})
        self._home = home
        self._controller_port = free_port()

    @property
    def client_settings(self) -> Mapping[str, str]:
        """What a client needs to connect, under librdkafka's names; as `admin` where there are users."""
        return self.settings_of(SUPER_USER) if self._users else super().client_settings

    def settings_of(self, user: str) -> Mapping[str, str]:
        """What a client needs to connect as this user."""
        return {
            **super().client_settings,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "PLAIN",
            "sasl.username": user,
            "sasl.password": self._users[user],
        }

    def prepare(self) -> None:
        """Copy the jars, write the settings, format the storage if it is new."""
        libraries = jars(self._home)
        _write_properties(self.directory / "server.properties", self._properties())
        (self.directory / "log4j2.properties").write_text(LOG4J)
        if (self.directory / "data" / "meta.properties").exists():
            return
        cluster = base64.urlsafe_b64encode(b"K" + uuid.uuid4().bytes[1:]).decode().rstrip("=")
        tool = ["kafka.tools.StorageTool", "format", "-t", cluster, "-c", "server.properties"]
        done = subprocess.run(
            [*self._java(libraries), *tool], cwd=self.directory, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise BrokerFailed(
                f"Apache Kafka's storage could not be formatted:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
            )

    def command(self) -> Sequence[str]:
        """Java with a bounded heap, running one node in the foreground."""
        return [*self._java(jars(self._home)), "kafka.Kafka", "server.properties"]

    def _java(self, libraries: Path) -> list[str]:
        return [
            shutil.which("java") or "java",
            *JVM_OPTIONS,
            "-XX:+ExitOnOutOfMemoryError",
            "-Dlog4j2.configurationFile=log4j2.properties",
            "-cp",
            f"{libraries}/*",
        ]

    def _properties(self) -> dict[str, str]:
        client = "SASL_PLAINTEXT" if self._users else "PLAINTEXT"
        properties = {
            **SETTINGS,
            "listeners": f"CLIENT://{self.bootstrap},CONTROLLER://{LOOPBACK}:{self._controller_port}",
            "advertised.listeners": f"CLIENT://{self.bootstrap}",
            "listener.security.protocol.map": f"CLIENT:{client},CONTROLLER:PLAINTEXT",
            "controller.quorum.voters": f"1@{LOOPBACK}:{self._controller_port}",
            "log.dirs": str(self.directory / "data"),
        }
        if self._users:
            properties |= self._access_control()
        return properties | self._settings

    def _access_control(self) -> dict[str, str]:
        known = " ".join(f'user_{name}="{password}"' for name, password in self._users.items())
        own = f'username="{SUPER_USER}" password="{self._users[SUPER_USER]}"'
        return {
            "sasl.enabled.mechanisms": "PLAIN",
            "sasl.mechanism.inter.broker.protocol": "PLAIN",
            "listener.name.client.plain.sasl.jaas.config": (
                f"org.apache.kafka.common.security.plain.PlainLoginModule required {own} {known};"
            ),
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            # ANONYMOUS is the node talking to its own controller; clients cannot be anonymous on a SASL listener.
            "super.users": f"User:{SUPER_USER};User:ANONYMOUS",
        }


def _write_properties(path: Path, properties: Mapping[str, str]) -> None:
    path.write_text("".join(f"{key}={value}\n" for key, value in properties.items()))
