from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from agents.runtime.topology import load
from tests.house.house import ROOT, texts
from tools.cli import COMMANDS

PAGES = [path for path in texts() if path.suffix == ".md"]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
SCHEMAS = sorted(path.relative_to(ROOT) for path in (ROOT / "schemas").rglob("*.avsc"))
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)


def commands_in(page: Path, program: str) -> set[str]:
    """First words after `program` at the beginning of a command in the code of a page."""
    code = "\n".join(CODE.findall((ROOT / page).read_text(encoding="utf-8")))
    return set(re.findall(rf"(?:^|[`$;&|]|\bin\b) *{program} ([a-z][a-z-]*)", code, re.MULTILINE))


def test_pages_name_only_targets_that_the_makefile_has() -> None:
    assert {str(page): more for page in PAGES if (more := commands_in(page, "make") - TARGETS)} == {}


def test_pages_name_only_commands_that_onhand_has() -> None:
    assert {str(page): more for page in PAGES if (more := commands_in(page, "onhand") - COMMANDS.keys())} == {}


def test_links_within_the_project_lead_somewhere() -> None:
    lost = [
        f"{page} -> {target}"
        for page in PAGES
        for target in LINK.findall((ROOT / page).read_text(encoding="utf-8"))
        if not (ROOT / page.parent / target).exists()
    ]
    assert lost == []


def test_the_readme_names_the_two_commands_of_a_newcomer() -> None:
    if not (ROOT / "README.md").read_text(encoding="utf-8").strip():
        pytest.skip("the README is still empty")
    assert {"demo", "test"} <= commands_in(Path("README.md"), "make")


def test_the_makefile_has_what_the_project_promises() -> None:
    assert {"help", "demo", "test", "check", "kafka", "bench", "clean"} <= TARGETS


@pytest.mark.parametrize("path", SCHEMAS, ids=str)
def test_every_schema_is_json_and_every_field_is_described(path: Path) -> None:
    undescribed = []

    def walk(schema: object, where: str) -> None:
        if isinstance(schema, list):
            for inner in schema:
                walk(inner, where)
        if not isinstance(schema, dict):
            return
        if schema.get("type") == "record":
            for field in schema["fields"]:
                place = f"{where}.{field['name']}"
                if not field.get("doc"):
                    undescribed.append(place)
                walk(field["type"], place)
        else:
            walk(schema.get("type"), where)
            walk(schema.get("items"), where)
            walk(schema.get("values"), where)

    walk(json.loads((ROOT / path).read_text(encoding="utf-8")), path.stem)
    assert undescribed == []


@pytest.mark.parametrize(
    "name", sorted({t.schema for t in load(ROOT / "topology.yaml", {}).topics.values() if t.schema})
)
def test_every_schema_of_the_topology_is_a_file(name: str) -> None:
    assert any(path.stem.split(".")[0] == name for path in SCHEMAS), f"{name} is not in schemas/"
