"""The hierarchy of errors that a user can cause and correct.

The command line prints the message of an ``EcrError`` without a traceback; anything else is a bug.
"""

from __future__ import annotations

from pathlib import Path


class EcrError(Exception):
    """An error that a user can correct; the message says what was wrong, where, and what to do."""


_LONGEST_FIELD = 80
"""Characters of a field that a message shows: a key of a file may have any length."""


class DataError(EcrError):
    """A record of a data file that cannot be used.

    Args:
        what: what is wrong, in a few words.
        file: the file (inside an archive: ``archive.zip:member``).
        line: 1-based line number, where the file has lines.
        field: the field's path inside the record, e.g. ``messages[3].text``.
        remedy: what the user can do about it.
    """

    def __init__(
        self,
        what: str,
        *,
        file: str | Path | None = None,
        line: int | None = None,
        field: str | None = None,
        remedy: str | None = None,
    ) -> None:
        """Join the parts into one message."""
        self.what, self.file, self.line, self.field, self.remedy = what, file, line, field, remedy
        location = "" if file is None else str(file) + ("" if line is None else f", line {line}")
        name = None if field is None else " ".join(field.split())
        shown = "" if name is None else f"field {name[:_LONGEST_FIELD]}{'…' * (len(name) > _LONGEST_FIELD)}"
        parts = [part for part in (location, shown) if part]
        head = f"{', '.join(parts)}: {what}" if parts else what
        super().__init__(head if remedy is None else f"{head}. {remedy}")


class ConfigError(EcrError):
    """A configuration that cannot run: an unknown key, a value out of range, two settings that conflict."""


class ModelError(EcrError):
    """A model, tokenizer or artefact folder that cannot be loaded or does not fit its use."""


class RunError(EcrError):
    """A run folder in a state that the command cannot work with."""


class ClusterError(EcrError):
    """A cluster that cannot be reached, refuses a request, or does not know a job."""
