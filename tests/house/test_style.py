from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.house.house import PACKAGES, ROOT, sources, texts, tree_of

BANNED_WORDS = {"qty", "loc", "txn", "res", "mgr", "utils"}
NOT_OURS = {"txn_requires_abort"}
"""Names that a library gives and a protocol of ours must repeat."""
MACHINE_PATH = re.compile(r"(?<![\w.$}~-])/(?:work|root|home|tmp|Users)/\w")
UNFINISHED = re.compile(r"\b(?:TODO|FIXME|XXX)\b|not implemented yet|coming soon", re.IGNORECASE)
LONGEST_FILE = 500
EVERYWHERE = sources("agents", "tools", "tests")


def content(path: Path) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def names_given(path: Path) -> Iterator[tuple[str, int]]:
    """(name, line) of everything that a file names itself."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield (node.id if isinstance(node, ast.Name) else node.attr), node.lineno


def words_of(name: str) -> set[str]:
    """`lastTxn_id` -> last, txn, id."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


def test_no_banned_abbreviation_is_used_as_a_name() -> None:
    assert [path for path in EVERYWHERE if words_of(path.stem) & BANNED_WORDS] == []
    assert [
        f"{path}:{line} {name}"
        for path in EVERYWHERE
        for name, line in names_given(path)
        if words_of(name) & BANNED_WORDS and name not in NOT_OURS
    ] == []


def test_no_file_is_too_long_to_read_in_one_sitting() -> None:
    lengths = {str(path): len(content(path).splitlines()) for path in EVERYWHERE}
    assert {path: length for path, length in lengths.items() if length > LONGEST_FILE} == {}


def test_nothing_names_a_path_of_one_machine() -> None:
    assert [f"{path}: {found[0]}..." for path in texts() if (found := MACHINE_PATH.search(content(path)))] == []


def test_nothing_is_left_for_later() -> None:
    assert [f"{path}: {found[0]}" for path in sources() if (found := UNFINISHED.search(content(path)))] == []


def test_code_does_not_look_outside_the_project() -> None:
    assert [path for path in sources() if "../shared" in content(path)] == []


def test_every_module_and_package_says_what_it_is() -> None:
    assert [path for path in sources() if not ast.get_docstring(tree_of(path))] == []


def test_every_folder_of_code_is_a_package() -> None:
    folders = {path.parent for path in sources()}
    assert sorted(str(folder) for folder in folders if not (ROOT / folder / "__init__.py").is_file()) == []
    assert {folder.parts[0] for folder in folders} == set(PACKAGES)


def begins_with_future(path: Path) -> bool:
    code = [
        node for node in tree_of(path).body if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
    ]
    return not code or (isinstance(code[0], ast.ImportFrom) and code[0].module == "__future__")


def test_annotations_are_for_readers_everywhere() -> None:
    assert [path for path in EVERYWHERE if not begins_with_future(path)] == []


def test_the_checks_would_see_what_they_look_for() -> None:
    assert words_of("total_qty") & BANNED_WORDS
    assert words_of("resMgr") & BANNED_WORDS
    assert not words_of("result_location_reserve") & BANNED_WORDS
    assert MACHINE_PATH.search("in /wo" + "rk/main/x")
    assert not MACHINE_PATH.search("framework/main, ${X}/home/x, https://host/home")
    assert UNFINISHED.search("# TO" + "DO later")
    assert len(EVERYWHERE) > len(sources()) > 10
