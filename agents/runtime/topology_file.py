"""Reading a YAML file of settings so that every mistake is told at once, with its path.

A `Section` is read key by key. A wrong value becomes a mistake and a harmless stand-in, so that reading goes on and
finds the next one; a key that nobody asked for is a mistake too, with the name it was probably meant to be.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import yaml

from agents.runtime import notation
from agents.runtime.environment import EnvironmentMistake, substitute

T = TypeVar("T")

REQUIRED: Any = object()
"""Default of a value that must be given."""


class TopologyInvalid(Exception):
    """The file cannot be used. `mistakes` are complete sentences, each with the path of what is wrong."""

    def __init__(self, path: Path, mistakes: Sequence[str]) -> None:
        self.path = path
        self.mistakes = tuple(mistakes)
        count = "one mistake" if len(self.mistakes) == 1 else f"{len(self.mistakes)} mistakes"
        super().__init__("\n".join([f"{path} has {count}:", *(f"  {mistake}" for mistake in self.mistakes)]))


class Mistakes:
    """Collects what is wrong."""

    def __init__(self) -> None:
        self.sentences: list[str] = []

    def add(self, path: str, problem: str) -> None:
        """Note that the value at `path` has a problem (`must be ...`)."""
        sentence = f"{path}: {problem}" if path else problem
        if sentence not in self.sentences:
            self.sentences.append(sentence)


class Section:
    """One mapping of the file."""

    def __init__(self, value: object, path: str, mistakes: Mistakes) -> None:
        self.path = path
        self.mistakes = mistakes
        self.values: dict[str, object] = {}
        self.asked: set[str] = set()
        """The keys somebody wanted, given or not."""
        if isinstance(value, dict):
            self.values = {str(key): inner for key, inner in value.items()}
        elif value is not None:
            mistakes.add(path, f"must be a mapping of names to values, not {described(value)}")

    def where(self, key: str) -> str:
        """The path of one of its keys."""
        return f"{self.path}.{key}" if self.path else key

    def wrong(self, key: str, problem: str) -> None:
        """Note a mistake about one of its keys."""
        self.mistakes.add(self.where(key), problem)

    def text(self, key: str, default: str = REQUIRED) -> str:
        """A text that is not empty."""
        return self._value(key, default, "", _text)

    def flag(self, key: str, default: bool = REQUIRED) -> bool:
        """True or false."""
        return self._value(key, default, False, _flag)

    def whole(self, key: str, default: int = REQUIRED, at_least: int = 0) -> int:
        """A whole number."""
        return self._value(key, default, at_least, lambda value: _whole(value, at_least))

    def duration_ms(self, key: str, default: int = REQUIRED) -> int:
        """A duration, in milliseconds."""
        return self._value(key, default, 0, notation.duration_ms)

    def retention_ms(self, key: str, default: int = REQUIRED) -> int:
        """A duration in milliseconds, or `forever`."""
        return self._value(key, default, 0, _retention_ms)

    def size_bytes(self, key: str, default: int = REQUIRED) -> int:
        """A size, in bytes."""
        return self._value(key, default, 0, notation.size_bytes)

    def choice(self, key: str, choices: Sequence[str], default: str = REQUIRED) -> str:
        """One of the choices."""
        return self._value(key, default, choices[0], lambda value: _choice(value, choices))

    def names(self, key: str, default: tuple[str, ...] = REQUIRED) -> tuple[str, ...]:
        """A list of names, none twice."""
        return self._value(key, default, (), _names)

    def settings(self, key: str) -> Mapping[str, str]:
        """Settings for Kafka or one of its clients: names as they are, values as text, those that are empty left out."""
        section = self.section(key)
        settings: dict[str, str] = {}
        for name, value in section.values.items():
            section.asked.add(name)
            if isinstance(value, bool):
                settings[name] = "true" if value else "false"
            elif isinstance(value, str | int | float):
                settings[name] = str(value)
            elif value is not None:
                section.wrong(name, f"must be a text, a number, true or false, not {described(value)}")
        return MappingProxyType({name: value for name, value in settings.items() if value})

    def free(self, key: str) -> Mapping[str, Any]:
        """A mapping that somebody else will judge."""
        section = self.section(key)
        section.asked.update(section.values)
        return MappingProxyType(section.values)

    def section(self, key: str) -> Section:
        """The mapping under the key; an empty one where there is none."""
        self.asked.add(key)
        return Section(self.values.get(key), self.where(key), self.mistakes)

    def sections(self) -> Mapping[str, Section]:
        """All its values as mappings, by name."""
        return {key: self.section(key) for key in self.values}

    def listed(self, key: str) -> Sequence[Section]:
        """The mappings in the list under the key."""
        self.asked.add(key)
        value = self.values.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            self.wrong(key, f"must be a list, not {described(value)}")
            return []
        return [Section(inner, f"{self.where(key)}[{index}]", self.mistakes) for index, inner in enumerate(value)]

    def converted(self, key: str, convert: Callable[[object], T], stand_in: T) -> T:
        """A value that must be given, read by `convert`, which raises ValueError with what it must be."""
        if self.values.get(key) is None:
            self.asked.add(key)
            self.wrong(key, "is missing")
            return stand_in
        return self._value(key, stand_in, stand_in, convert)

    def finish(self) -> None:
        """Nothing more will be asked: every other key is unknown."""
        for key in self.values:
            if key not in self.asked:
                self.wrong(key, f"is unknown{did_you_mean(key, self.asked)}")

    def _value(self, key: str, default: T, stand_in: T, convert: Callable[[object], T]) -> T:
        self.asked.add(key)
        value = self.values.get(key)
        if value is None:
            if default is REQUIRED:
                self.wrong(key, "is missing")
                return stand_in
            return default
        try:
            return convert(value)
        except ValueError as error:
            self.wrong(key, str(error))
            return stand_in if default is REQUIRED else default


def read(path: Path, environment: Mapping[str, str], mistakes: Mistakes) -> Section:
    """The whole file as a section, `${NAME}` replaced. Raises TopologyInvalid where there is nothing to read on in."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise TopologyInvalid(path, ["is not there"]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise TopologyInvalid(path, [f"cannot be read: {error}"]) from error
    try:
        value = yaml.load(text, _UniqueKeys)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise TopologyInvalid(path, [f"is not YAML: {' '.join(str(error).split())}"]) from error
    if not isinstance(value, dict):
        raise TopologyInvalid(path, [f"must be a mapping of sections, not {described(value)}"])
    return Section(_substituted(value, "", environment, mistakes), "", mistakes)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """` (did you mean ...?)`, or nothing where nothing is near."""
    near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""


def described(value: object) -> str:
    """A value in a few words of people, never long."""
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."


class _UniqueKeys(yaml.SafeLoader):
    """YAML's safe part; a key given twice is refused, where plain YAML would silently keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[object] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, dict | list):
                raise yaml.constructor.ConstructorError(None, None, "a key must be a name", key_node.start_mark)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key!r} is given twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def _substituted(value: object, path: str, environment: Mapping[str, str], mistakes: Mistakes) -> object:
    if isinstance(value, dict):
        return {
            key: _substituted(inner, f"{path}.{key}" if path else str(key), environment, mistakes)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_substituted(inner, f"{path}[{index}]", environment, mistakes) for index, inner in enumerate(value)]
    if not isinstance(value, str):
        return value
    try:
        return substitute(value, environment)
    except EnvironmentMistake as mistake:
        mistakes.add(path, str(mistake))
        return None


def _text(value: object) -> str:
    if isinstance(value, str) and value.strip():
        return value
    raise ValueError(f"must be a text, not {described(value)}")


def _flag(value: object) -> bool:
    # A substituted value is always text.
    if isinstance(value, bool):
        return value
    if value in {"true", "false"}:
        return value == "true"
    raise ValueError(f"must be true or false, not {described(value)}")


def _whole(value: object, at_least: int) -> int:
    number = int(value) if isinstance(value, str) and value.strip().isdecimal() else value
    if isinstance(number, bool) or not isinstance(number, int) or number < at_least:
        raise ValueError(f"must be a whole number of at least {at_least}, not {described(value)}")
    return number


def _retention_ms(value: object) -> int:
    if value in {"forever", notation.FOREVER_MS, str(notation.FOREVER_MS)}:
        return notation.FOREVER_MS
    try:
        return notation.duration_ms(value)
    except ValueError as error:
        raise ValueError(f"{error}; or forever") from None


def _choice(value: object, choices: Sequence[str]) -> str:
    if isinstance(value, str) and value in choices:
        return value
    near = did_you_mean(value, choices) if isinstance(value, str) else ""
    raise ValueError(f"must be one of {', '.join(choices)}, not {described(value)}{near}")


def _names(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) and name for name in value):
        raise ValueError(f"must be a list of names, not {described(value)}")
    twice = sorted({name for name in value if value.count(name) > 1})
    if twice:
        raise ValueError(f"names {', '.join(twice)} twice")
    return tuple(value)
