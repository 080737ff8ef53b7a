"""`onhand topics create|diff|show`: the topics of the topology and of the cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from tools.context import Context, common_options

if TYPE_CHECKING:
    from agents.runtime.topics import Difference, FoundTopic, PartitionOffsets
    from agents.runtime.topology import Topology


@click.group("topics", epilog="Example: onhand topics diff --bootstrap localhost:9092 && onhand worker")
def command() -> None:
    """Create the topics of the topology, compare them with the cluster, or show them."""


@command.command("create", epilog="Example: onhand topics create --dry-run")
@click.option("--dry-run", is_flag=True, help="Say what would be done; change nothing.")
@click.option(
    "--align", is_flag=True, help="Also give existing topics the declared settings (not the partition count)."
)
@common_options
def create(context: Context, dry_run: bool, align: bool) -> None:
    """Create the topics that are missing, and write the reference seeds once.

    May be repeated: what is there stays. Settings of existing topics are changed only with --align. Partition counts
    are never changed: where one differs nothing is done at all. Exit code 1 where a worker would refuse what is left.
    """
    from agents.runtime.topics import Cluster, DifferenceKind, compare
    from tools.brokers.reporting import broker_or_fail

    topology = context.topology
    wanted = topology.all_topics
    with broker_or_fail(topology.kafka["bootstrap.servers"]):
        cluster = Cluster(topology.kafka)
        differences = compare(wanted, cluster.topics(wanted))
        _refuse_other_counts(context, differences)
        missing = [wanted[each.topic] for each in differences if each.kind is DifferenceKind.MISSING]
        settings = [each for each in differences if align and each.kind is DifferenceKind.SETTING]
        left = [each for each in differences if each.kind is not DifferenceKind.MISSING and each not in settings]
        created: Sequence[str] = [topic.name for topic in missing]
        if not dry_run:
            created = cluster.create(missing)
            cluster.align(settings)
        seeds = _seeds(topology, frozenset(created), dry_run=dry_run)
    _tell_created(context, created, settings, seeds, left, dry_run=dry_run)
    if any(each.blocks for each in left):
        context.differs()


@command.command("diff", epilog="Example: onhand topics diff --json")
@common_options
def diff(context: Context) -> None:
    """Compare the topics of the topology with the cluster; exit code 1 where they differ."""
    from agents.runtime.topics import Cluster, compare
    from tools.brokers.reporting import broker_or_fail

    topology = context.topology
    wanted = topology.all_topics
    with broker_or_fail(topology.kafka["bootstrap.servers"]):
        differences = compare(wanted, Cluster(topology.kafka).topics(wanted))
    if context.as_json:
        context.print_json({"topics": len(wanted), "differences": [_as_data(each) for each in differences]})
    elif differences:
        _tell_differences(context, differences)
    else:
        context.console.print(f"All {len(wanted)} topics are as declared.")
    if differences:
        context.differs()


@command.command("show", epilog="Example: onhand topics show --json")
@common_options
def show(context: Context) -> None:
    """Show the topics of the topology as they are on the cluster: partitions, offsets, settings, who writes and reads."""
    from agents.runtime.topics import Cluster
    from tools.brokers.reporting import broker_or_fail

    topology = context.topology
    with broker_or_fail(topology.kafka["bootstrap.servers"]):
        cluster = Cluster(topology.kafka)
        found = cluster.topics(topology.all_topics)
        offsets = cluster.offsets(found.values())
    rows = [_row(topology, name, found.get(name), offsets.get(name, ())) for name in topology.all_topics]
    if context.as_json:
        context.print_json({"bootstrap": cluster.bootstrap, "topics": rows})
        return
    _show_table(context, rows)


def _refuse_other_counts(context: Context, differences: Sequence[Difference]) -> None:
    from agents.runtime.topics import COUNT_IS_FOR_LIFE

    counts = [each for each in differences if each.concerns_partitions]
    if not counts:
        return
    if context.as_json:
        context.print_json(
            {"refused": COUNT_IS_FOR_LIFE, "created": [], "differences": [_as_data(each) for each in counts]}
        )
    else:
        _tell_differences(context, counts)
        context.console.print(f"\nNothing was done. {COUNT_IS_FOR_LIFE}", soft_wrap=True)
    context.differs()


def _seeds(topology: Topology, new: frozenset[str], *, dry_run: bool) -> Sequence[str]:
    """Write the seeds that are not there yet into each topic of transactions that an agent folds; return their names."""
    from agents.runtime.reference import missing_seeds, seed_name, write_seeds
    from tools.brokers.encoding import transaction_encoder

    folded = {agent.folds for agent in topology.agents.values()}
    rules: list[str] = []
    for topic in topology.topics.values():
        if topic.schema != "transaction" or topic.name not in folded or not topology.seeds:
            continue
        settings = {**topology.kafka, **topology.producer}
        if not dry_run:
            encode = transaction_encoder(topology, topic.name)
            rules += write_seeds(settings, topology.app, topic.name, topic.partitions, topology.seeds, encode)
        elif topic.name in new:
            rules += [seed_name(reference) for reference in topology.seeds]
        else:
            rules += [seed_name(reference) for reference in missing_seeds(topology.kafka, topic.name, topology.seeds)]
    return rules


def _tell_created(
    context: Context,
    created: Sequence[str],
    aligned: Sequence[Difference],
    seeds: Sequence[str],
    left: Sequence[Difference],
    *,
    dry_run: bool,
) -> None:
    if context.as_json:
        context.print_json(
            {
                "dry_run": dry_run,
                "created": list(created),
                "aligned": [_as_data(each) for each in aligned],
                "seeds": list(seeds),
                "differences": [_as_data(each) for each in left],
            }
        )
        return
    would = "would be " if dry_run else ""
    for name in created:
        context.console.print(f"{would}created  {name}")
    for each in aligned:
        context.console.print(
            f"{would}set      {each.topic} {each.setting}={each.wanted} (was {each.found or 'unset'})"
        )
    for rule in seeds:
        named = rule if rule.startswith(("location ", "channel ")) else f"policy {rule}"
        context.console.print(f"{would}written  {named}, to every partition", markup=False)
    if not (created or aligned or seeds or left):
        context.console.print("Nothing to do: all topics are there and as declared.")
    if left:
        _tell_differences(context, left)
        context.console.print("`onhand topics create --align` sets declared settings; the rest is for you to decide.")


def _tell_differences(context: Context, differences: Sequence[Difference]) -> None:
    for each in differences:
        stops = " (a worker refuses to run on it)" if each.blocks else ""
        context.console.print(f"differs  {each.sentence}{stops}", soft_wrap=True)


def _as_data(difference: Difference) -> Mapping[str, object]:
    return {
        "topic": difference.topic,
        "kind": difference.kind.value,
        "setting": difference.setting or None,
        "wanted": difference.wanted,
        "found": difference.found,
        "blocks": difference.blocks,
        "sentence": difference.sentence,
    }


def _row(
    topology: Topology, name: str, found: FoundTopic | None, offsets: Sequence[PartitionOffsets]
) -> dict[str, object]:
    agents = topology.agents.values()
    own = {agent.name for agent in agents if name in {agent.changelog.name, agent.dead_letters.name}}
    return {
        "topic": name,
        "exists": found is not None,
        "topic_id": (found.topic_id or None) if found else None,
        "key": topology.all_topics[name].key,
        "partitions": found.partitions if found else None,
        "replication": found.replication if found else None,
        "offsets": [{"partition": at.partition, "first": at.first, "next": at.next} for at in offsets],
        "span": sum(at.next - at.first for at in offsets),
        "config": {key: found.config[key] for key in sorted(found.overrides)} if found else {},
        "written_by": sorted(own | {agent.name for agent in agents if name in agent.says}),
        "read_by": sorted({agent.name for agent in agents if name in {agent.folds, agent.changelog.name}}),
    }


def _show_table(context: Context, rows: Sequence[Mapping[str, object]]) -> None:
    from rich.table import Table

    table = Table(caption="span = next offset less first offset; transaction markers and compacted records count too")
    table.add_column("topic", overflow="fold")
    table.add_column("partitions", justify="right")
    table.add_column("span", justify="right")
    table.add_column("settings", no_wrap=True)
    for title in ("written by", "read by"):
        table.add_column(title)
    for row in rows:
        config, written, read = row["config"], row["written_by"], row["read_by"]
        assert isinstance(config, dict)
        assert isinstance(written, list)
        assert isinstance(read, list)
        table.add_row(
            str(row["topic"]),
            str(row["partitions"]) if row["exists"] else "[red]missing[/red]",
            f"{row['span']:,}" if row["exists"] else "",
            _settings_in_words(config),
            ", ".join(written),
            ", ".join(read),
        )
    context.console.print(table)
    if any(not row["exists"] for row in rows):
        context.console.print("Topics are missing; `onhand topics create` creates them.")


def _settings_in_words(config: Mapping[str, str]) -> str:
    """The settings that matter most as words, the others as they are."""
    from agents.runtime.notation import in_words

    rest = dict(config)
    cleanup, stamp = rest.pop("cleanup.policy", ""), rest.pop("message.timestamp.type", "")
    kept = rest.pop("retention.ms", "")
    words = [cleanup, f"kept {in_words(int(kept))}" if kept and cleanup != "compact" else "", stamp]
    return ", ".join([*(word for word in words if word), *(f"{name}={value}" for name, value in rest.items())])
