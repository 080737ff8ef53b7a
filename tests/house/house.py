"""What the tests of the house look at: source files, their floors and what they import."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("agents", "tools")
TEXTS = {".avsc", ".cfg", ".ini", ".json", ".md", ".py", ".sh", ".toml", ".txt", ".yaml", ".yml", ""}

FLOORS = (
    ("agents/inventory/", 0),
    ("agents/codec/", 1),
    ("agents/state/", 2),
    ("agents/runtime/", 3),
    ("agents/serve/", 5),
    ("agents/", 4),
    ("tools/", 6),
)


def sources(*packages: str) -> Sequence[Path]:
    """All Python files of the packages, paths from the root."""
    return sorted(path.relative_to(ROOT) for package in packages or PACKAGES for path in (ROOT / package).rglob("*.py"))


def texts() -> Sequence[Path]:
    """All text files of the project that people wrote."""
    places = ["agents", "tools", "schemas", "tests", "docs", "deploy", ".ci"]
    found = [path for place in places if (ROOT / place).is_dir() for path in (ROOT / place).rglob("*")]
    found += list(ROOT.iterdir())
    return sorted(
        path.relative_to(ROOT)
        for path in found
        if path.is_file() and path.suffix in TEXTS and "__pycache__" not in path.parts
    )


@cache
def tree_of(path: Path) -> ast.Module:
    """The syntax tree of a file named from the root."""
    return ast.parse((ROOT / path).read_text(encoding="utf-8"), str(path))


def floor_of(path: str) -> int:
    """The floor of a path such as `agents/state/store.py`."""
    return next(floor for beginning, floor in FLOORS if path.startswith(beginning))


def imports(path: Path) -> Iterator[str]:
    """Dotted names of all modules that a file imports, wherever in the file; of `from a import b` both a and a.b."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute here"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def module_path(name: str) -> str | None:
    """The path of a module of ours, or None where the name is no module of ours."""
    relative = name.replace(".", "/")
    if name.split(".", maxsplit=1)[0] not in PACKAGES:
        return None
    if (ROOT / f"{relative}.py").is_file():
        return f"{relative}.py"
    if (ROOT / relative).is_dir():
        return f"{relative}/__init__.py"
    return None
