"""Dataclasses that are stored as JSON files: fields become keys, and reading checks them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from dataclasses import fields as dataclass_fields
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import ConfigDict, TypeAdapter, ValidationError

from envs.errors import DataError
from envs.inputs.text import read_text


@dataclass(frozen=True, slots=True)
class JsonRecord:
    """Base of a frozen dataclass that is stored as a JSON object: its fields by name, in their order.

    A field may hold other dataclasses (which need not inherit this class), lists, and objects by name. A file must have
    every field that has no default, and no unknown one; each value must have the field's type. No number may be NaN or
    infinite.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    def to_json(self) -> dict[str, Any]:
        """The record as JSON values."""
        return asdict(self)

    @classmethod
    def extending(cls, base: JsonRecord, **fields: Any) -> Self:
        """The record with the fields of one that it is a kind of, and others.

        Args:
            base: an instance of a class that this one inherits.
            fields: by name: what this one has more, and what it has otherwise.
        """
        return cls(**{field.name: getattr(base, field.name) for field in dataclass_fields(base)} | fields)

    @classmethod
    def from_json(cls, text: str, *, file: Path, remedy: str, line: int | None = None) -> Self:
        """Parse a record from a JSON text.

        Args:
            text: the JSON.
            file: the file that the text is from.
            remedy: what a user can do if the text is not such a record.
            line: 1-based line of the text, if its file has several records.

        Raises:
            DataError: the text is not such a record; file, line, field and remedy are named.
        """
        try:
            return _adapter(cls).validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(map(str, first["loc"])) or None
            raise DataError(first["msg"], file=file, line=line, field=field, remedy=remedy) from error

    @classmethod
    def read(cls, file: Path, *, remedy: str) -> Self:
        """Read a record from a file.

        Args:
            file: the file.
            remedy: what a user can do if the file is missing or not such a record.

        Raises:
            DataError: the file is missing or not such a record.
        """
        if not file.is_file():
            raise DataError("no such file", file=file, remedy=remedy)
        return cls.from_json(read_text(file, remedy=remedy), file=file, remedy=remedy)


@cache
def _adapter(record: type[JsonRecord]) -> TypeAdapter[Any]:
    return TypeAdapter(record)
