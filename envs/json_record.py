"""Records that stand in files as JSON: written with their fields' names as keys, and checked as they are read."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import ConfigDict, TypeAdapter, ValidationError

from envs.errors import DataError


@dataclass(frozen=True, slots=True)
class JsonRecord:
    """What a frozen dataclass inherits to be a JSON object: its fields, by name and in their order.

    A field may hold further dataclasses, which need not inherit it, lists, and objects by name. A file must have all
    fields that have no default and no others, each of its type; no number may be NaN or infinite.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    def to_json(self) -> dict[str, Any]:
        """The record as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, text: str, *, file: Path, remedy: str, line: int | None = None) -> Self:
        """The record that a text is.

        Args:
            text: the JSON.
            file: where the text stands.
            remedy: what a user can do about a text that is no such record.
            line: 1-based line of the text in its file, where the file has more.

        Raises:
            DataError: it is not; file, line, field and remedy are named.
        """
        try:
            return _adapter(cls).validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(map(str, first["loc"])) or None
            raise DataError(first["msg"], file=file, line=line, field=field, remedy=remedy) from error

    @classmethod
    def read(cls, file: Path, *, remedy: str) -> Self:
        """The record that a file holds.

        Args:
            file: the file.
            remedy: what a user can do where it is missing or something else.

        Raises:
            DataError: no such file, or it holds something else.
        """
        if not file.is_file():
            raise DataError("no such file", file=file, remedy=remedy)
        return cls.from_json(file.read_text(encoding="utf-8"), file=file, remedy=remedy)


@cache
def _adapter(record: type[JsonRecord]) -> TypeAdapter[Any]:
    return TypeAdapter(record)
