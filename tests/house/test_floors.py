from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.house.house import floor_of, imports, module_path, sources, tree_of

# What the core may have of the standard library: nothing that knows the time, chance, the machine or the network.
CORE_MAY_IMPORT = {
    "__future__",
    "bisect",
    "collections",
    "collections.abc",
    "dataclasses",
    "enum",
    "functools",
    "heapq",
    "itertools",
    "math",
    "operator",
    "types",
    "typing",
}
CORE_MAY_TAKE_FROM_MSGSPEC = {"Struct", "field", "structs"}
CORE_MUST_NOT_CALL = {"open", "print", "input", "eval", "exec", "hash", "id", "__import__"}
CORE = sources("agents/inventory")
OWNER_OF_BROAD_EXCEPTS = {"agents/runtime/owner.py"}


def nodes(path: Path) -> Iterator[tuple[ast.AST, str]]:
    """Every node of a file that has a line, with `path:line`."""
    for node in ast.walk(tree_of(path)):
        if line := getattr(node, "lineno", None):
            yield node, f"{path}:{line}"


def modules_imported_by(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


def name_called(node: ast.AST) -> str:
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""


def test_imports_only_go_down() -> None:
    upwards = [
        f"{path} on floor {floor_of(path.as_posix())} imports {name}"
        for path in sources()
        for name in imports(path)
        if (target := module_path(name)) is not None
        and target != "agents/__init__.py"
        and floor_of(target) > floor_of(path.as_posix())
    ]
    assert upwards == []


def test_the_core_imports_nothing_that_could_know_the_world() -> None:
    foreign = [
        f"{where} imports {module}"
        for path in CORE
        for node, where in nodes(path)
        for module in modules_imported_by(node)
        if module not in CORE_MAY_IMPORT and module != "msgspec" and not module.startswith("agents.inventory")
    ]
    assert foreign == []


def test_the_core_takes_only_structs_from_msgspec() -> None:
    taken = [
        (where, node.attr)
        for path in CORE
        for node, where in nodes(path)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "msgspec"
    ]
    taken += [
        (where, alias.name)
        for path in CORE
        for node, where in nodes(path)
        if isinstance(node, ast.ImportFrom) and node.module == "msgspec"
        for alias in node.names
    ]
    assert taken, "the core has its records from msgspec"
    assert [(where, name) for where, name in taken if name not in CORE_MAY_TAKE_FROM_MSGSPEC] == []


def test_the_core_opens_prints_and_asks_nothing() -> None:
    assert [where for path in CORE for node, where in nodes(path) if name_called(node) in CORE_MUST_NOT_CALL] == []


def walked_by(node: ast.AST) -> list[ast.expr]:
    """What a node walks over in its order."""
    if isinstance(node, ast.For | ast.comprehension):
        return [node.iter]
    if isinstance(node, ast.ListComp | ast.GeneratorExp | ast.DictComp):
        return [generator.iter for generator in node.generators]
    if isinstance(node, ast.Call) and name_called(node) in {"list", "tuple", "next", "iter", "enumerate"}:
        return node.args[:1]
    return []


def is_set(expression: ast.expr) -> bool:
    return isinstance(expression, ast.Set | ast.SetComp) or name_called(expression) in {"set", "frozenset"}


def test_the_core_never_walks_over_a_set_as_it_stands() -> None:
    """The order of a set of texts differs from process to process; `sorted` makes it one."""
    walked = [where for path in CORE for node, where in nodes(path) if any(map(is_set, walked_by(node)))]
    assert walked == []


def test_agents_do_not_read_the_environment() -> None:
    """The topology is told the environment once, by the command line."""
    readers = [
        where
        for path in sources("agents")
        for node, where in nodes(path)
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "environb", "getenv"}
    ]
    assert readers == []


def test_nothing_is_imported_from_tests() -> None:
    assert [path for path in sources() for name in imports(path) if name.split(".", maxsplit=1)[0] == "tests"] == []


def catches_everything(handler: ast.ExceptHandler) -> bool:
    caught = (
        {inner.id for inner in ast.walk(handler.type) if isinstance(inner, ast.Name)} if handler.type else {"Exception"}
    )
    return bool(caught & {"Exception", "BaseException"})


def lets_it_go_on(handler: ast.ExceptHandler) -> bool:
    """Raised again, or kept as it is for the thread that waits for this one."""
    raised = any(isinstance(inner, ast.Raise) and inner.exc is None for inner in ast.walk(handler))
    kept = any(
        isinstance(inner, ast.Assign) and isinstance(inner.value, ast.Name) and inner.value.id == handler.name
        for inner in ast.walk(handler)
    )
    return raised or kept


def test_there_is_one_owner_of_broad_excepts() -> None:
    """An exception in one decision is caught in one place; elsewhere `except Exception` would hide what it met."""
    broad = [
        where
        for path in sources()
        if path.as_posix() not in OWNER_OF_BROAD_EXCEPTS
        for node, where in nodes(path)
        if isinstance(node, ast.ExceptHandler) and catches_everything(node) and not lets_it_go_on(node)
    ]
    assert broad == []


def listens_to_signals(node: ast.AST) -> bool:
    """`signal.signal(...)`, or the same of an asyncio loop."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    called = node.func
    of_the_module = isinstance(called.value, ast.Name) and called.value.id == "signal" and called.attr == "signal"
    return of_the_module or called.attr == "add_signal_handler"


def test_there_is_one_owner_of_signals() -> None:
    """A handler that takes a lock, such as that of a threading.Event, hangs the process that it interrupts."""
    listening = {
        path.as_posix() for path in sources("agents", "tools") for node, _ in nodes(path) if listens_to_signals(node)
    }
    assert listening == {"agents/runtime/stopping.py"}


def test_the_house_knows_every_floor_it_holds() -> None:
    assert {path.parts[1] for path in sources("agents") if len(path.parts) > 2} <= {
        "inventory",
        "codec",
        "state",
        "runtime",
        "serve",
    }


def test_the_checks_would_see_what_they_look_for() -> None:
    assert {name.split(".", maxsplit=1)[0] for name in CORE_MAY_IMPORT} <= sys.stdlib_module_names
    assert floor_of("agents/inventory/decide.py") < floor_of("agents/stock_keeper.py") < floor_of("tools/cli.py")
    assert module_path("agents.inventory.units") == "agents/inventory/units.py"
    hiding = ast.parse("try: pass\nexcept Exception: pass\ntry: pass\nexcept: raise")
    handlers = [node for node in ast.walk(hiding) if isinstance(node, ast.ExceptHandler)]
    assert [catches_everything(handler) and not lets_it_go_on(handler) for handler in handlers] == [True, False]
    walking = ast.parse("[x for x in {1, 2}]\nfor x in set(y): pass\nlist(frozenset(y))\nsorted({1})")
    assert sum(any(map(is_set, walked_by(node))) for node in ast.walk(walking) if hasattr(node, "lineno")) == 3
