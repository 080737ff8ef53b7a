"""What all worlds have in common: the shipped topology with two partitions, the real codec, the real stock keeper."""

from __future__ import annotations

from pathlib import Path

from agents.codec import Codec, SchemaSet
from agents.runtime.plan import said_topics
from agents.runtime.topology import load
from agents.stock_keeper import AGENT, stock_keeper

PARTITIONS = 2
TOPOLOGY = load(Path(__file__).resolve().parents[2] / "topology.yaml", {"ONHAND_PARTITIONS": str(PARTITIONS)})
CODEC = Codec(SchemaSet.load())
LOGIC = stock_keeper(TOPOLOGY, CODEC)
KEEPER = TOPOLOGY.agents[AGENT]
INPUT = KEEPER.folds
CHANGELOG = KEEPER.changelog.name
DEAD_LETTERS = KEEPER.dead_letters.name
SAYS = said_topics(TOPOLOGY, KEEPER)
"""Topic by schema."""
EDGES = [name for name in KEEPER.says if TOPOLOGY.all_topics[name].schema == "edge"]
"""The first is for everybody, the others for who watches."""
TOPICS = {name: topic.partitions for name, topic in TOPOLOGY.all_topics.items()}
TOPIC_ID = "the-first-of-its-name"
