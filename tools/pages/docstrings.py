"""What the code says of the members of an enumeration and the fields of a record: the strings below them."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable
from typing import Any


def docs_of(owner: type[Any]) -> dict[str, str]:
    """Member or field -> what is said below it, in one line; those of which nothing is said are left out."""
    (body,) = [node for node in ast.parse(inspect.getsource(owner)).body if isinstance(node, ast.ClassDef)]
    said: dict[str, str] = {}
    for node, after in zip(body.body, body.body[1:], strict=False):
        name = named_by(node)
        if name is not None and isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            said[name] = in_one_line(str(after.value.value))
    return said


def named_by(node: ast.stmt) -> str | None:
    """The name that a statement of a class gives a value or a type."""
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return node.target.id
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id
    return None


def in_one_line(text: str) -> str:
    """Without line breaks, and fit for a cell of a table."""
    return re.sub(r"\s+", " ", text).strip().replace("|", "\\|")


def summary_of(function: Callable[..., Any]) -> str:
    """The first paragraph of a docstring, and what stands behind it, without what it refuses."""
    paragraphs = [in_one_line(each) for each in re.split(r"\n\s*\n", inspect.getdoc(function) or "")]
    return " ".join(said for each in paragraphs if (said := each.partition("Refuses:")[0].strip()))


def refusals_of(function: Callable[..., Any]) -> list[str]:
    """The reasons that a docstring names behind `Refuses:`, in its order."""
    found = re.search(r"Refuses:(.*?)(?:\n\s*\n|\Z)", inspect.getdoc(function) or "", re.DOTALL)
    return [] if found is None else [word.lower() for word in re.findall(r"\b[A-Z]{2,}(?:_[A-Z]+)*\b", found[1])]
