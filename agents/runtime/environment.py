"""What the environment may say about a topology: `${NAME:-default}` in the file, secrets in files, KAFKA_* settings.

Three rules, and no other place reads the environment:

* `${NAME}` and `${NAME:-default}` inside a value. `:-` also replaces an empty NAME. `$${` is a literal `${`.
* NAME not set, but NAME_FILE: the value is the content of that file without its last line end (secrets of Docker and
  Kubernetes). Both set is a mistake: nobody could say which one counts.
* `KAFKA_SASL_USERNAME` is the client setting `sasl.username` (upper case, dot to underscore), and wins over the file.
  Only the families below are taken: KAFKA_HEAP_OPTS or KAFKA_PORT speak to others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

CLIENT_FAMILIES = (
    "bootstrap.",
    "client.",
    "enable.ssl.",
    "metadata.",
    "reconnect.",
    "retry.",
    "sasl.",
    "security.",
    "socket.",
    "ssl.",
)
"""First words of the librdkafka settings that every client shares and that differ between environments."""

_PREFIX = "KAFKA_"
_FILE = "_FILE"
_REFERENCE = re.compile(r"\$(?P<escaped>\$)?\{(?P<inside>[^{}]*)\}")
_INSIDE = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>.*))?", re.DOTALL)


class EnvironmentMistake(Exception):
    """The environment does not answer what the file asks; the message says which name and what to do."""


def look_up(name: str, environment: Mapping[str, str]) -> str | None:
    """The value of NAME, or the content of the file named by NAME_FILE, or None where neither is set."""
    path = environment.get(name + _FILE)
    if path is None:
        return environment.get(name)
    if name in environment:
        raise EnvironmentMistake(f"both {name} and {name}{_FILE} are set; keep one")
    try:
        return Path(path).read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise EnvironmentMistake(f"{name}{_FILE} names {path}, which cannot be read: {error}") from error


def substitute(text: str, environment: Mapping[str, str]) -> str:
    """`text` with every `${NAME}` replaced. Raises EnvironmentMistake for a name that has neither value nor default."""

    def replaced(reference: re.Match[str]) -> str:
        if reference["escaped"]:
            return reference[0][1:]
        inside = _INSIDE.fullmatch(reference["inside"])
        if inside is None:
            raise EnvironmentMistake(f"{reference[0]} must be ${{NAME}} or ${{NAME:-default}}")
        value = look_up(inside["name"], environment)
        if value:
            return value
        if inside["default"] is not None:
            return inside["default"]
        if value is None:
            name = inside["name"]
            raise EnvironmentMistake(f"{name} is not set; set it, or {name}{_FILE}, or give ${{{name}:-a default}}")
        return value

    return _REFERENCE.sub(replaced, text)


def client_settings(environment: Mapping[str, str]) -> Mapping[str, str]:
    """The librdkafka settings that KAFKA_* variables give, by their dotted names."""
    settings: dict[str, str] = {}
    for name, setting in _client_names(environment):
        value = look_up(name, environment)
        if value:
            settings[setting] = value
    return settings


def _client_names(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for variable in sorted(environment):
        name = variable.removesuffix(_FILE)
        setting = name.removeprefix(_PREFIX).lower().replace("_", ".")
        if name.startswith(_PREFIX) and setting.startswith(CLIENT_FAMILIES):
            yield name, setting
