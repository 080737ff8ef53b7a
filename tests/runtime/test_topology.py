from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from agents.inventory.campaigns.rows import CampaignPolicy
from agents.inventory.orders.rows import OrderPolicy
from agents.inventory.transactions import ChannelReference, LocationReference, PolicySettings, Zone
from agents.runtime.topology import Topology, TopologyInvalid, load
from agents.scorekeeper import SCOREKEEPERS

SHIPPED = Path(__file__).parents[2] / "topology.yaml"
SMALL = """
app: onhand
kafka: {bootstrap.servers: "localhost:9092"}
topics:
  inventory.transactions.v1: {key: SKU, schema: transaction, cleanup_policy: delete}
  inventory.levels.v1: {key: SKU@LOCATION, schema: level, cleanup_policy: compact}
agents:
  stock_keeper:
    folds: inventory.transactions.v1
    keeps: [positions]
    says: [inventory.levels.v1]
state:
  directory: state
  tables:
    positions: {write_buffer: 1MiB}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "topology.yaml"
    path.write_text(SMALL)
    return path


def mistakes_in(path: Path, text: str, environment: Mapping[str, str] | None = None) -> tuple[str, ...]:
    path.write_text(text)
    with pytest.raises(TopologyInvalid) as raised:
        load(path, environment or {})
    return raised.value.mistakes


def changed(old: str, new: str) -> str:
    assert old in SMALL
    return SMALL.replace(old, new)


# -- what is shipped


@pytest.fixture(scope="module")
def shipped() -> Topology:
    return load(SHIPPED, {})


def test_the_shipped_topology_has_the_topics_of_the_ledger(shipped: Topology) -> None:
    kept = {
        name: (topic.cleanup_policy, topic.timestamp_type, topic.retention_ms) for name, topic in shipped.topics.items()
    }
    assert kept["inventory.transactions.v1"] == ("delete", "LogAppendTime", -1)
    assert kept["inventory.journal.v1"] == ("delete", "CreateTime", -1)
    assert kept["inventory.levels.v1"] == ("compact", "CreateTime", -1)
    assert kept["inventory.heartbeats.v1"] == ("compact", "CreateTime", -1)
    assert {topic.partitions for topic in shipped.topics.values()} == {8}


def test_the_shipped_seed_is_the_default_policy(shipped: Topology) -> None:
    assert [policy.rule for policy in shipped.policies] == ["default"]
    assert shipped.policies[0].reservation_ttl_ms == 15 * 60 * 1000
    assert shipped.policies[0].late_window_ms == 2 * 60 * 60 * 1000


def test_the_changelog_is_compacted_and_keeps_tombstones_for_a_week(shipped: Topology) -> None:
    changelog = shipped.agents["stock_keeper"].changelog
    assert changelog.name == "onhand.stock_keeper-changelog"
    assert changelog.cleanup_policy == "compact"
    assert changelog.config["delete.retention.ms"] == str(7 * 24 * 60 * 60 * 1000)
    assert changelog.partitions == shipped.topics["inventory.transactions.v1"].partitions


def test_all_topics_are_the_declared_ones_and_what_agents_need_for_themselves(shipped: Topology, file: Path) -> None:
    assert set(shipped.all_topics) == {
        *shipped.topics,
        "onhand.stock_keeper-changelog",
        "onhand.order_router-changelog",
        "onhand.replenisher-changelog",
        "demand.v1.dlq",
        "onhand.campaign_guard-changelog",
        "orders.v1.dlq",
        "campaigns.v1.dlq",
        *(f"onhand.{name}-changelog" for name in SCOREKEEPERS),
        *(f"{shipped.agents[name].folds}.dlq" for name in SCOREKEEPERS),
    }
    assert set(load(file, {}).all_topics) == {
        "inventory.transactions.v1",
        "inventory.levels.v1",
        "inventory.transactions.v1.dlq",
        "onhand.stock_keeper-changelog",
    }


def test_a_declared_dead_letter_topic_is_the_one_used(shipped: Topology) -> None:
    assert shipped.agents["stock_keeper"].dead_letters is shipped.topics["inventory.transactions.v1.dlq"]


def test_the_environment_sets_up_a_real_cluster() -> None:
    environment = {
        "KAFKA_BOOTSTRAP_SERVERS": "a:9092,b:9092",
        "ONHAND_REPLICATION": "3",
        "ONHAND_MIN_INSYNC_REPLICAS": "2",
        "ONHAND_PARTITIONS": "16",
        "ONHAND_STATE": "/var/lib/onhand",
        "SCHEMA_REGISTRY_URL": "https://registry",
    }
    topology = load(SHIPPED, environment)
    assert topology.kafka == {"bootstrap.servers": "a:9092,b:9092"}
    assert topology.schema_registry == {"schema.registry.url": "https://registry"}
    assert topology.state.directory == Path("/var/lib/onhand")
    for topic in topology.all_topics.values():
        assert (topic.partitions, topic.replication, topic.config["min.insync.replicas"]) == (16, 3, "2")


def test_a_setting_that_is_empty_is_left_out(shipped: Topology) -> None:
    assert shipped.schema_registry == {}


# -- what follows from a file


def test_defaults_fill_what_a_small_file_leaves_out(file: Path) -> None:
    topology = load(file, {})
    transactions = topology.topics["inventory.transactions.v1"]
    assert (transactions.format, transactions.partitions, transactions.replication) == ("avro", 8, 1)
    assert topology.answers_keep_ms == 7 * 24 * 60 * 60 * 1000
    assert topology.state.tables["positions"].bloom_bits == 10
    assert topology.policies == ()


def test_a_topic_tells_its_settings_under_the_names_of_kafka(file: Path) -> None:
    file.write_text(
        changed("cleanup_policy: delete}", "cleanup_policy: delete, retention: 1d, config: {max.message.bytes: 5}}")
    )
    assert load(file, {}).topics["inventory.transactions.v1"].kafka_config() == {
        "cleanup.policy": "delete",
        "message.timestamp.type": "CreateTime",
        "retention.ms": "86400000",
        "max.message.bytes": "5",
    }


def test_kafka_variables_win_over_the_file(file: Path) -> None:
    assert load(file, {"KAFKA_BOOTSTRAP_SERVERS": "other:1"}).kafka["bootstrap.servers"] == "other:1"


def test_client_settings_are_text_as_librdkafka_reads_it(file: Path) -> None:
    file.write_text(SMALL + "producer: {linger.ms: 1, enable.idempotence: true}\n")
    assert load(file, {}).producer == {"linger.ms": "1", "enable.idempotence": "true"}


def test_another_cluster_changes_the_address_and_nothing_else(file: Path) -> None:
    topology = load(file, {"KAFKA_SASL_USERNAME": "ledger"})
    moved = topology.with_bootstrap("elsewhere:1")
    assert moved.kafka == {"bootstrap.servers": "elsewhere:1", "sasl.username": "ledger"}
    assert dataclasses.replace(moved, kafka=topology.kafka) == topology


def test_a_topology_never_shows_its_secrets(file: Path) -> None:
    topology = load(file, {"KAFKA_SASL_PASSWORD": "s3cret"})
    assert topology.kafka["sasl.password"] == "s3cret"
    assert "s3cret" not in repr(topology)


def test_a_topology_cannot_be_changed(file: Path) -> None:
    topology = load(file, {})
    with pytest.raises(dataclasses.FrozenInstanceError):
        topology.app = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        topology.topics["new"] = topology.topics["inventory.levels.v1"]  # type: ignore[index]


def test_places_and_channels_are_read_as_the_records_that_carry_them(file: Path) -> None:
    file.write_text(
        SMALL
        + "locations: [{location: LEEDS, kind: store, pickup: true, region: north, authority: [wms, pos]}, {location: YORK, open: false}]\n"
        + "channels: [{channel: web, locations: [LEEDS], methods: [shipping], handling_time_ms: 2h}, {channel: app}]\n"
    )
    topology = load(file, {})
    assert topology.locations == (
        LocationReference("LEEDS", kind="store", pickup=True, region="north", authority=("wms", "pos")),
        LocationReference("YORK", open=False),
    )
    assert topology.channels == (
        ChannelReference("web", locations=("LEEDS",), methods=("shipping",), handling_time_ms=7_200_000),
        ChannelReference("app"),
    )
    assert topology.seeds == (*topology.policies, *topology.locations, *topology.channels)


def test_how_a_place_works_and_what_a_channel_promises_is_read_too(file: Path) -> None:
    file.write_text(
        SMALL
        + "locations:\n  - location: LEEDS\n    utc_offset: \"-05:30\"\n    zones: [{country: GB, postal_prefix: LS, cost: 3, days: 1}, {country: '*'}]\n"
        + "    opening_days: [mon, sat]\n    opens_at: '09:00'\n    closes_at: '17:30'\n    working_days: [mon]\n    cut_off: '15:00'\n"
        + "    handling_time_ms: 2h\n    daily_capacity: 0\n    holidays: [2026-12-25, '2026-12-26']\n"
        + "channels: [{channel: web, cancel_limit_ms: 30m, late_penalty: 250}]\n"
        + "policies: [{rule: near, channel: web, distance_weight: 1, farthest_km: 800, abroad: never}]\n"
    )
    topology = load(file, {})
    assert topology.locations == (
        LocationReference(
            "LEEDS",
            utc_offset_minutes=-330,
            zones=(Zone("GB", "LS", 3, 1), Zone("*")),
            opening_days=("mon", "sat"),
            opens_at="09:00",
            closes_at="17:30",
            working_days=("mon",),
            cut_off="15:00",
            handling_time_ms=7_200_000,
            daily_capacity=0,
            holidays=("2026-12-25", "2026-12-26"),
        ),
    )
    assert topology.channels == (ChannelReference("web", cancel_limit_ms=1_800_000, late_penalty=250),)
    assert topology.policies == (
        PolicySettings(rule="near", channel="web", distance_weight=1, farthest_km=800, abroad="never"),
    )


def test_the_policy_of_orders_says_of_channels_only_what_its_section_says_their_records_say_the_rest(
    file: Path,
) -> None:
    seeds = "channels: [{channel: web, cancel_limit_ms: 30m}, {channel: app, cancel_limit_ms: 1h}, {channel: till}]\n"
    file.write_text(SMALL + seeds)
    assert load(file, {}).orders.cancel_limit_ms == {}
    file.write_text(SMALL + seeds + "orders: {cancel_within: {web: 5m, market: 1m}}\n")
    assert load(file, {}).orders.cancel_limit_ms == {"web": 300_000, "market": 60_000}


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        (
            "locations: [{location: A, utc_offset: Europe/London}]",
            "locations[0].utc_offset: must be local time less UTC",
        ),
        ("locations: [{location: A, utc_offset: '01:00'}]", "locations[0].utc_offset: must be local time less UTC"),
        ("locations: [{location: A, cut_off: noon}]", "locations[0]: cut_off of A: 'noon' is no time of the day"),
        ("locations: [{location: A, zones: [{country: GB, price: 3}]}]", "locations[0].zones[0].price: is unknown"),
        ("locations: [{location: A, zones: [{country: GB, cost: many}]}]", "locations[0].zones[0].cost: must be"),
        ("channels: [{channel: web, late_penalty: -1}]", "channels[0].late_penalty: must be"),
        ("policies: [{rule: a, abroad: maybe}]", "policies[0].abroad: must be one of"),
        ("policies: [{rule: a, location: L, zone_weight: 1}]", "policies[0]: a rule for one place"),
        ("locations: [{kind: store}]", "locations[0].location: is missing"),
        ("locations: [{location: A}, {location: A}]", "locations[1].location: A is given twice"),
        ("locations: [{location: A, kind: castle}]", "locations[0].kind: must be one of"),
        ("locations: [{location: A, opne: false}]", "locations[0].opne: is unknown; did you mean open?"),
        (
            "locations: [{location: A, latitude_tenths: 53.8}]",
            "locations[0].latitude_tenths: must be degrees times ten",
        ),
        ("locations: [{location: A, latitude_tenths: 5380}]", "locations[0]: latitude_tenths of A is 5380"),
        ("channels: [{channel: web, methods: [drone]}]", "channels[0].methods: drone is no method"),
        ("channels: [{channel: web}, {channel: web}]", "channels[1].channel: web is given twice"),
        ("channels: [{channel: web, handling_time_ms: soon}]", "channels[0].handling_time_ms: must be a duration"),
        ("policies: [{rule: a, buffer_percent: 130}]", "policies[0]: buffer_percent is 130"),
    ],
)
def test_a_mistake_in_a_seed_names_its_place_in_the_list(file: Path, text: str, mistake: str) -> None:
    found = mistakes_in(file, f"{SMALL}{text}\n")
    assert any(mistake in sentence for sentence in found), found


def test_policies_take_durations_for_milliseconds(file: Path) -> None:
    file.write_text(
        SMALL + "policies: [{rule: slow, sku: SHOE, reservation_ttl_ms: 1h, backorder: limit, backorder_limit: 4}]\n"
    )
    expected = PolicySettings(
        rule="slow", sku="SHOE", reservation_ttl_ms=3_600_000, backorder="limit", backorder_limit=4
    )
    assert load(file, {}).policies == (expected,)


def test_only_sources_that_say_so_are_backfill(file: Path) -> None:
    file.write_text(SMALL + "sources: {history: {backfill: true}, till: {backfill: false}}\n")
    assert load(file, {}).backfill_sources == {"history"}


def test_mappings_are_kept_as_they_are(file: Path) -> None:
    file.write_text(SMALL + "mappings: {feed: {any: [thing, 1]}}\n")
    assert load(file, {}).mappings == {"feed": {"any": ["thing", 1]}}


# -- mistakes


def test_all_mistakes_are_told_together_with_their_paths(file: Path) -> None:
    text = SMALL.replace("app: onhand", "app: On-Hand")
    text = text.replace(
        "schema: level, cleanup_policy: compact", "schema: level, cleanup_policy: compcat, partitions: none"
    )
    text = text.replace("keeps: [positions]", "keeps: [positons]")
    text += "sates: {}\n"
    assert mistakes_in(file, text) == (
        "app: must be lower-case letters, digits and underscores, not 'On-Hand'",
        "topics.inventory.levels.v1.cleanup_policy: must be one of delete, compact, not 'compcat'; did you mean compact?",
        "topics.inventory.levels.v1.partitions: must be a whole number of at least 1, not 'none'",
        "agents.stock_keeper.keeps: positons is no table of state.tables; did you mean positions?",
        # The stand-in for the wrong partition count is no mistake of the operator's.
        "sates: is unknown; did you mean state?",
    )


@pytest.mark.parametrize(
    ("old", "new", "mistake"),
    [
        ("app: onhand", "", "app: is missing"),
        ('{bootstrap.servers: "localhost:9092"}', "{}", "kafka.bootstrap.servers: is missing"),
        ("key: SKU,", "kee: SKU,", "topics.inventory.transactions.v1.kee: is unknown; did you mean key?"),
        (
            "cleanup_policy: compact",
            "cleanup_policy: compact, retention: 7 days",
            "topics.inventory.levels.v1.retention: must be",
        ),
        (
            "cleanup_policy: compact",
            "cleanup_policy: compact, config: {retention.ms: 5}",
            "config.retention.ms: must be given as retention",
        ),
        (
            "cleanup_policy: compact",
            "cleanup_policy: compact, config: [1]",
            "config: must be a mapping of names to values, not a list",
        ),
        (
            "cleanup_policy: compact",
            "cleanup_policy: compact, config: {a: [1]}",
            "config.a: must be a text, a number, true or false",
        ),
        (
            "cleanup_policy: compact",
            "cleanup_policy: compact, timestamp_type: logappendtime",
            "did you mean LogAppendTime?",
        ),
        (
            "inventory.levels.v1: {",
            "inventory.stock_levels.v1: {",
            "must have dots or underscores in its name, not both",
        ),
        ("inventory.levels.v1: {", '"inventory levels": {', "must be named with at most 249 letters"),
        (
            "folds: inventory.transactions.v1",
            "folds: inventory.transaction.v1",
            "did you mean inventory.transactions.v1?",
        ),
        ("folds: inventory.transactions.v1", "folds: inventory.levels.v1", "must not be compacted"),
        ("says: [inventory.levels.v1]", "says: [inventory.levels.v2]", "inventory.levels.v2 is no topic of this file"),
        ("keeps: [positions]", "keeps: [positions, positions]", "agents.stock_keeper.keeps: names positions twice"),
        (
            "keeps: [positions]",
            "keeps: positions",
            "agents.stock_keeper.keeps: must be a list of names, not 'positions'",
        ),
        ("stock_keeper:", "Stock-Keeper:", "agents.Stock-Keeper: must be named with lower-case letters"),
        ("{write_buffer: 1MiB}", "{write_buffer: 1MB1}", "state.tables.positions.write_buffer: must be a size such as"),
        ("{write_buffer: 1MiB}", "{write_buffer: 1KiB}", "must be at least 64KiB"),
        ("{write_buffer: 1MiB}", "7", "state.tables.positions: must be a mapping of names to values, not 7"),
        ("directory: state", "directory: ''", "state.directory: must be a text, not ''"),
        ("app: onhand", "app: ${APP}", "app: APP is not set"),
    ],
)
def test_a_mistake_says_where_it_is_and_what_to_write(file: Path, old: str, new: str, mistake: str) -> None:
    assert any(mistake in sentence for sentence in mistakes_in(file, changed(old, new)))


@pytest.mark.parametrize(
    ("policies", "mistake"),
    [
        ("[{sku: SHOE}]", "policies[0].rule: is missing"),
        ("[{rule: a}, {rule: a}]", "policies[1].rule: a is given twice"),
        ("[{rule: a, saftey_stock: 1}]", "policies[0].saftey_stock: is unknown; did you mean safety_stock?"),
        ("[{rule: a, safety_stock: -1}]", "policies[0].safety_stock: must be a whole number of at least 0, not -1"),
        ("[{rule: a, sku: 5}]", "policies[0].sku: must be a text, not 5"),
        ("[{rule: a, claims: fair}]", "policies[0].claims: must be one of first_come, priority"),
        ("[{rule: a, reservation_ttl_ms: soon}]", "policies[0].reservation_ttl_ms: must be a duration"),
        ("[{rule: a, backorder: limit}]", "policies[0].backorder_limit: is missing"),
        ("{rule: a}", "policies: must be a list, not a mapping"),
        ("[a]", "policies[0]: must be a mapping of names to values, not 'a'"),
    ],
)
def test_a_mistake_in_a_policy_names_its_place_in_the_list(file: Path, policies: str, mistake: str) -> None:
    assert any(mistake in sentence for sentence in mistakes_in(file, f"{SMALL}policies: {policies}\n"))


def test_inventory_topics_must_have_equal_partition_counts(file: Path) -> None:
    text = changed("cleanup_policy: compact", "cleanup_policy: compact, partitions: 4")
    (mistake,) = mistakes_in(file, text)
    assert mistake.startswith("topics.inventory.levels.v1.partitions: must be 8 as for inventory.transactions.v1")
    assert mistake.endswith("not 4")


def test_other_topics_may_have_their_own_partition_count(file: Path) -> None:
    file.write_text(changed("topics:", "topics:\n  alerts.v1: {key: subject, cleanup_policy: delete, partitions: 1}"))
    assert load(file, {}).topics["alerts.v1"].partitions == 1


def test_a_key_given_twice_is_a_mistake_not_the_last_one_wins(file: Path) -> None:
    (mistake,) = mistakes_in(file, SMALL + "app: other\n")
    assert "'app' is given twice" in mistake
    assert "line" in mistake


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("app: [", "is not YAML"),
        ("- a", "must be a mapping of sections, not a list"),
        ("", "not nothing"),
        ("a: !!python/none", "is not YAML"),
    ],
)
def test_a_file_that_is_no_topology_at_all_gets_one_sentence(file: Path, text: str, mistake: str) -> None:
    (sentence,) = mistakes_in(file, text)
    assert mistake in sentence


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TopologyInvalid, match=r"nowhere\.yaml has one mistake:\n  is not there"):
        load(tmp_path / "nowhere.yaml", {})


def test_a_secret_that_cannot_be_read_is_a_mistake_of_the_kafka_section(file: Path) -> None:
    assert "KAFKA_SASL_PASSWORD_FILE" in mistakes_in(file, SMALL, {"KAFKA_SASL_PASSWORD_FILE": "/nowhere"})[0]


# -- the reference


def test_the_reference_names_every_key_of_the_shipped_file() -> None:
    reference = (SHIPPED.parent / "docs" / "reference" / "topology.md").read_text()
    document = yaml.safe_load(SHIPPED.read_text())
    keys = {*document, *document["topic_defaults"], *document["state"], *document["answers"]}
    keys |= {
        key for section in ("topics", "agents", "sources") for inner in document[section].values() for key in inner
    }
    keys |= {key for table in document["state"]["tables"].values() for key in table}
    keys |= {name.removesuffix("_ms") for name in OrderPolicy.__struct_fields__} - {"cancel_limit", "places"}
    keys |= {"cancel_within", "locations"}
    keys |= {name.removesuffix("_ms") for name in CampaignPolicy.__struct_fields__} - {"topic"}
    assert sorted(key for key in keys if f"`{key}`" not in reference) == []


def test_the_reference_names_every_environment_variable_of_the_shipped_file() -> None:
    reference = (SHIPPED.parent / "docs" / "reference" / "topology.md").read_text()
    names = {part.split(":-")[0] for part in SHIPPED.read_text().split("${")[1:]}
    assert sorted(name for name in names - {"NAME"} if f"`{name}`" not in reference) == []
