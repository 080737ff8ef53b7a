from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from tools import reference
from tools.cli import COMMANDS, KAFKA, SENTENCES, Command, cli, main

ROOT = Path(__file__).parents[2]
HEAVY = ("aiokafka", "confluent_kafka", "duckdb", "fastavro", "faust", "orjson", "rich", "rocksdict", "yaml")
WRONG_TOPOLOGY = "app: onhand\nkafka: {bootstrap.servers: 'a:1'}\nsates: {}\n"

NAMES = sorted(COMMANDS)


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, prog_name="onhand")


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from tools.cli import main; main()", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def leaves_of(name: str) -> list[tuple[str, click.Command]]:
    return [(path, command) for path, command in reference.commands_of(name) if not isinstance(command, click.Group)]


# -- help


def test_help_lists_every_command_with_one_line_and_an_example() -> None:
    text = invoke("--help").output
    for name, entry in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(entry.summary)}$", text, re.MULTILINE), name
    assert "Example: onhand " in text


def test_help_imports_no_command() -> None:
    script = (
        "import sys; from tools.cli import cli\n"
        "cli.main(['--help'], standalone_mode=False)\n"
        "print('LOADED', *(name for name in sys.modules if name.startswith('tools.commands')))\n"
        f"print('HEAVY', *({HEAVY!r} & sys.modules.keys()))\n"
    ).replace(repr(HEAVY), repr(set(HEAVY)))
    output = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert output.splitlines()[-2:] == ["LOADED", "HEAVY"]


def test_no_command_loads_heavy_modules_before_it_runs() -> None:
    """The worker may: its module is nothing but what it runs."""
    script = (
        "import sys; from tools import reference; from tools.cli import COMMANDS\n"
        "names = [name for name in COMMANDS if name != 'worker']\n"
        "assert all(list(reference.commands_of(name)) for name in names)\n"
        f"print('HEAVY', *sorted({set(HEAVY)!r} & sys.modules.keys()))\n"
    )
    output = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert output.split() == ["HEAVY"]


@pytest.mark.parametrize("name", NAMES)
def test_every_command_is_where_the_list_says_and_knows_its_name(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.name == name


@pytest.mark.parametrize("name", NAMES)
def test_every_command_has_json(name: str) -> None:
    for path, command in leaves_of(name):
        flags = {option for parameter in command.params for option in parameter.opts}
        assert "--json" in flags, path


@pytest.mark.parametrize("name", NAMES)
def test_every_command_has_an_example_that_calls_it(name: str) -> None:
    for path, command in reference.commands_of(name):
        assert re.search(rf"Examples?: .*onhand {path.split()[0]}", reference.help_of(path, command), re.DOTALL), path


@pytest.mark.parametrize("name", NAMES)
def test_every_option_has_help(name: str) -> None:
    for path, command in leaves_of(name):
        silent = [
            parameter.name for parameter in command.params if isinstance(parameter, click.Option) and not parameter.help
        ]
        assert silent == [], path


def test_the_reference_page_is_current() -> None:
    assert reference.PAGE.read_text(encoding="utf-8") == reference.page(), "run `make docs`"


# -- wrong usage


def test_an_unknown_command_is_answered_with_the_nearest_one() -> None:
    result = invoke("tpology")
    assert result.exit_code == 2
    assert "There is no command 'tpology'. Did you mean topology?" in result.output


def test_a_command_unlike_any_other_gets_the_list() -> None:
    assert "There are: demo, broker, worker" in invoke("zzz").output


def test_the_version_is_told() -> None:
    assert re.search(r"onhand, version \d+\.\d+\.\d+", invoke("--version").output)


def test_a_wrong_topology_is_told_whole_and_without_traceback(tmp_path: Path) -> None:
    file = tmp_path / "topology.yaml"
    file.write_text(WRONG_TOPOLOGY)
    told = run("topology", "--topology", str(file))
    assert told.returncode == 2
    assert "  sates: is unknown; did you mean state?\n" in told.stderr
    assert "  state.directory: is missing\n" in told.stderr
    assert "docs/reference/topology.md" in told.stderr
    assert "Traceback" not in told.stderr
    assert told.stdout == ""


def test_with_json_an_error_is_json_too(tmp_path: Path) -> None:
    file = tmp_path / "topology.yaml"
    file.write_text(WRONG_TOPOLOGY)
    told = run("topology", "--json", ONHAND_TOPOLOGY=str(file))
    error = json.loads(told.stderr)
    assert error["exit_code"] == told.returncode == 2
    assert "sates: is unknown" in error["error"]
    assert told.stdout == ""


def test_a_topology_that_is_not_there_is_wrong_usage() -> None:
    told = run("topology", "--topology", "nowhere.yaml")
    assert told.returncode == 2
    assert "nowhere.yaml" in told.stderr


# -- what an operator can cause ends in one sentence

FAILING = """
import click
from {module} import {error} as Error
from tools.context import Context, common_options

@click.command("failing")
@common_options
def command(context: Context) -> None:
    {statement}
"""


def end_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, module: str, error: str, statement: str, *arguments: str
) -> int:
    """Exit code of a command of that body, run as the console does."""
    (tmp_path / f"{name}.py").write_text(FAILING.format(module=module, error=error, statement=statement))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(COMMANDS, "failing", Command(name, "Fail."))
    monkeypatch.setattr(sys, "argv", ["onhand", "failing", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_a_broker_that_is_not_there_is_one_sentence_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    statement = "from confluent_kafka import KafkaError; raise Error(KafkaError(KafkaError._TRANSPORT, 'refused'))"
    there = ("--bootstrap", "there:1")
    assert end_of(tmp_path, monkeypatch, "failing_kafka", "confluent_kafka", "KafkaException", statement, *there) == 3
    told = capsys.readouterr().err
    assert told.startswith(
        "Error: Nobody listens at there:1: the connection is refused.\n  Check kafka.bootstrap.servers"
    )
    assert "Traceback" not in told


def test_the_same_as_json_has_the_sentence_and_the_step_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    statement = "from confluent_kafka import KafkaError; raise Error(KafkaError(KafkaError._TRANSPORT, 'refused'))"
    assert end_of(tmp_path, monkeypatch, "failing_json", "confluent_kafka", "KafkaException", statement, "--json") == 3
    told = json.loads(capsys.readouterr().err)
    assert told["error"].startswith("Nobody listens at")
    assert told["exit_code"] == 3
    assert "onhand broker" in told["what_to_do"]


def test_an_error_of_the_house_that_has_a_sentence_is_told_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    statement = "raise Error('It is so.', 'Do this.')"
    assert end_of(tmp_path, monkeypatch, "failing_own", "agents.runtime.preflight", "CannotRun", statement) == 3
    assert capsys.readouterr().err == "Error: It is so.\n  Do this.\n"


@pytest.mark.parametrize(("module", "name"), [*SENTENCES, KAFKA])
def test_the_errors_told_as_sentences_exist(module: str, name: str) -> None:
    assert issubclass(getattr(importlib.import_module(module), name), Exception)


def test_fail_ends_with_three_and_a_difference_with_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    statement = "__import__('tools.context').context.fail('Cannot.', 'Do this.')"
    assert end_of(tmp_path, monkeypatch, "failing_fail", "click", "ClickException", statement) == 3
    assert end_of(tmp_path, monkeypatch, "failing_differs", "click", "ClickException", "context.differs()") == 1


def test_an_interrupt_ends_as_shells_expect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (
        end_of(tmp_path, monkeypatch, "failing_interrupt", "click", "ClickException", "raise KeyboardInterrupt") == 130
    )


def test_a_bug_is_not_dressed_up_as_an_operators_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ZeroDivisionError):
        end_of(tmp_path, monkeypatch, "failing_bug", "click", "ClickException", "1 / 0")


def test_a_pipe_that_closes_early_is_no_error() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", "from tools.cli import main; main()", "topology"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(60) == 141
