"""The `onhand` command: a list of commands, each imported only when it is called, so that --help is instant."""

from __future__ import annotations

import importlib
import os
import sys
from typing import NamedTuple, NoReturn

import click

from tools.context import CANNOT, SOME_BROKER, Context, Failure

INTERRUPTED = 130  # 128 + SIGINT, as shells say it
PIPE_CLOSED = 141  # 128 + SIGPIPE


class Command(NamedTuple):
    """Where a command lives, and its help in one line."""

    module: str
    summary: str


COMMANDS = {
    "demo": Command("tools.commands.demo", "See it work: a month of trade, a kill, and the check."),
    "broker": Command("tools.commands.broker", "Run a broker here, embedded or Apache Kafka."),
    "worker": Command("tools.commands.worker", "Run the agents of the topology."),
    "deliver": Command("tools.commands.deliver", "Deliver the commands of campaigns to their platforms."),
    "topics": Command("tools.commands.topics", "Create the topics, or compare them with the cluster."),
    "topology": Command("tools.commands.topology", "Draw topics, agents and tables as text or Mermaid."),
    "stock": Command("tools.commands.stock", "Show where a SKU stands, per location."),
    "reservations": Command("tools.commands.reservations", "Show the claims on a SKU."),
    "orders": Command("tools.commands.orders", "Show orders and why they come from where they do; place some."),
    "replenishment": Command("tools.commands.replenishment", "Show what must be ordered, moved, counted, and why."),
    "campaigns": Command("tools.commands.campaigns", "Show campaigns and why they were paused; register some."),
    "alerts": Command("tools.commands.alerts", "Show the alerts that are open, the most urgent first."),
    "feeds": Command("tools.commands.feeds", "Show which feeds are silent; watch them."),
    "kpis": Command("tools.commands.kpis", "Show the KPIs of the newest windows."),
    "metrics": Command("tools.commands.metrics", "Serve KPIs and positions to Prometheus."),
    "promise": Command("tools.commands.promise", "Say when an order would come and from where, holding nothing."),
    "policy": Command("tools.commands.policy", "Show which rule gives which value; set a rule."),
    "location": Command("tools.commands.location", "Show or set places: open, region, authority."),
    "channel": Command("tools.commands.channel", "Show or set sales channels: their places and methods."),
    "tail": Command("tools.commands.tail", "Follow a topic, decoded."),
    "import": Command("tools.commands.import_file", "Turn a CSV file into transactions by a mapping."),
    "audit": Command("tools.commands.audit", "Fold the input again, and compare with all that was written."),
    "what-if": Command("tools.commands.what_if", "Show what a file would do now, without doing it."),
    "play": Command("tools.commands.play", "Run a scenario through the rules; needs no broker."),
    "bench": Command("tools.commands.bench", "Measure throughput and latency against bare loops."),
    "dead-letters": Command("tools.commands.dead_letters", "See, redrive or drop what could not be decided."),
    "partitions": Command("tools.commands.partitions", "See how each partition stands; unpark one."),
}


class Commands(click.Group):
    """Commands by name. Help of the group comes from the list above, help of a command from its module."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order of the list."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of the command; None where there is no such command."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = importlib.import_module(COMMANDS[cmd_name].module).command
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does; an unknown name is answered with the nearest known one."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean {near[0]}?" if near else f" There are: {', '.join(COMMANDS)}."
            raise click.UsageError(f"There is no command {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        """Run the command. Whatever an operator can cause ends it with one sentence, never with a traceback.

        A pipe that its reader has closed ends it quietly: `onhand tail ... | head` is over with head.
        """
        try:
            return super().invoke(ctx)
        except _operator_errors() as error:
            raise _failure(error, ctx.obj) from error
        except BrokenPipeError:
            # Python would flush into the closed pipe once more on its way out.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(PIPE_CLOSED)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.summary) for name, command in COMMANDS.items()])


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Example: onhand demo --seconds 30",
)
@click.version_option(package_name="onhand")
def cli() -> None:
    """Onhand: a real-time stock ledger on Kafka.

    Exit codes: 0 fine, 1 a check failed or a difference was found, 2 wrong usage, 3 it cannot be done now.
    """


def main() -> NoReturn:
    """Run the command line."""
    try:
        outcome = cli.main(prog_name="onhand", standalone_mode=False)
    except click.ClickException as failure:
        failure.show()
        sys.exit(failure.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(INTERRUPTED)
    sys.exit(outcome if isinstance(outcome, int) else 0)


# Exceptions that are already told for the operator. By name, because only a module that has been imported can have raised:
# nothing heavy is loaded to find out.
SENTENCES = (
    ("agents.codec.malformed", "RegistryUnreachable"),
    ("agents.runtime.broker_errors", "BrokerUnusable"),
    ("agents.runtime.preflight", "CannotRun"),
    ("agents.runtime.topology_file", "TopologyInvalid"),
    ("agents.state.lock", "StateDirectoryTaken"),
    ("agents.state.lock", "StateDirectoryUnusable"),
    ("tools.brokers.local", "BrokerFailed"),
)
KAFKA = ("confluent_kafka", "KafkaException")


def _operator_errors() -> tuple[type[BaseException], ...]:
    loaded = [(sys.modules[module], name) for module, name in (*SENTENCES, KAFKA) if module in sys.modules]
    return tuple(getattr(module, name) for module, name in loaded)


def _failure(error: BaseException, context: Context | None) -> Failure:
    told = error
    if KAFKA[0] in sys.modules and isinstance(error, getattr(sys.modules[KAFKA[0]], KAFKA[1])):
        from agents.runtime.broker_errors import explain

        told = explain(error.args[0], context.address if context else SOME_BROKER)
    sentence = getattr(told, "sentence", str(told))
    return Failure(sentence, getattr(told, "what_to_do", None), CANNOT, context is not None and context.as_json)
