"""Commands asked as a person asks them, of a stage that has a real worker."""

from __future__ import annotations

import json
from typing import Any

from click.testing import CliRunner, Result

from tests.integration.harness import Stage
from tools.cli import cli


def ask(stage: Stage, *arguments: str) -> Result:
    """What `onhand` says. No refusal is expected or excluded."""
    return CliRunner().invoke(cli, [*arguments, *stage.options], prog_name="onhand", env=stage.environment)


def objects(stage: Stage, *arguments: str, exit_code: int = 0) -> list[dict[str, Any]]:
    """What it says with --json, one object a line."""
    result = ask(stage, *arguments, "--json")
    assert result.exit_code == exit_code, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]
