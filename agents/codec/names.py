"""What may stand in a name: in everything that becomes part of a key or identifies something.

Keys of the local tables end with NUL and are shown to people, so control characters and line separators are refused,
and a name has at most `MAXIMUM_NAME` characters. The rule must give the same verdict for ever: it names the
characters instead of asking the Unicode tables of the running Python.
"""

from __future__ import annotations

import re

MAXIMUM_NAME = 200
"""Characters."""

_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def problem_of_name(field: str, name: str) -> str | None:
    """What is wrong with `name` as the value of `field`, as a sentence; None where nothing is."""
    if len(name) > MAXIMUM_NAME:
        return f"Field `{field}` has {len(name)} characters; at most {MAXIMUM_NAME} are allowed."
    found = _FORBIDDEN.search(name)
    if found is not None:
        return f"Field `{field}` holds the control character U+{ord(found.group()):04X}."
    return None
