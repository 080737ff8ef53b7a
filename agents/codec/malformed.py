"""What a codec may raise: bytes nobody can read, and a registry nobody can reach."""

from __future__ import annotations


class Malformed(Exception):
    """The bytes are no valid record; the message is the reason, as a sentence. Reading them again gives the same."""


class RegistryUnreachable(Exception):
    """The schema registry does not answer, or not as asked; the message says what to do. A fault: try again later."""
