"""The programs of the README, run as a stranger would run them: files of their own, none of Onhand's code imported."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.integration.harness import Stage
from tools.brokers.scratch import ClusterAddress

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
LONGEST_PROGRAM_LINES = 20


def test_a_stranger_publishes_a_receipt_and_reads_its_level(any_broker: ClusterAddress, tmp_path: Path) -> None:
    publish, read = (_written(tmp_path / f"program{n}.py", text) for n, text in enumerate(PROGRAMS))
    with Stage(any_broker, tmp_path).create() as stage:
        stage.worker().start().until_ready()
        _run_to_its_end(publish, stage, stage.transactions)
        line = _first_line(read, stage, stage.tail("level").topic)
    assert line == "SHOE LEEDS on hand 10 to promise 10"


def test_the_programs_are_short_enough_to_be_read() -> None:
    assert len(PROGRAMS) == 2
    for text in PROGRAMS:
        assert len([line for line in text.splitlines() if line.strip()]) <= LONGEST_PROGRAM_LINES
        assert "onhand" not in text.lower()


def _written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def _environment(stage: Stage, topic: str) -> dict[str, str]:
    return {**os.environ, "KAFKA_BOOTSTRAP_SERVERS": stage.topology.kafka["bootstrap.servers"], "TOPIC": topic}


def _run_to_its_end(program: Path, stage: Stage, topic: str) -> None:
    subprocess.run([sys.executable, program], cwd=ROOT, env=_environment(stage, topic), check=True, timeout=60)


def _first_line(program: Path, stage: Stage, topic: str) -> str:
    """What a program that never ends prints first. The reader's group joins a topic, which takes some seconds."""
    with subprocess.Popen(
        [sys.executable, program], cwd=ROOT, env=_environment(stage, topic), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            return process.stdout.readline().strip()
        finally:
            process.kill()
