"""Read and write YAML by the core schema of YAML 1.2 (yaml.org/spec/1.2.2, 10.3), where only numbers look like numbers.

PyYAML follows YAML 1.1: there ``010`` is 8, ``12:30:00`` is 45000, ``no`` is false, ``1e-3`` a text and ``2024-01-01``
a date. Here they are 10, a text, a text, .001 and a text. This module keeps PyYAML's parser and changes what it makes
of plain words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import yaml

from envs.errors import ConfigError
from envs.inputs.text import on_one_line, quoted

_PREFIX = "tag:yaml.org,2002:"
_CORE = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
    ("merge", "<<", ["<"]),
)
"""What a plain word is: kind, pattern and first characters. Merging (``<<: *base``) is YAML 1.1's, and kept."""
_FLOAT = re.compile(next(pattern for kind, pattern, _ in _CORE if kind == "float"))
_LONGEST_NUMBER = 1000
"""The most characters of a whole number; the largest number of 64 bits has 20 digits, the largest float 309."""
_MOST_REPEATED = 100_000
"""The most values that aliases may repeat: ten lists of ten aliases of each other would be 10**10 values."""


class _CoreLoader(yaml.SafeLoader):
    """Loads YAML's safe types, and refuses a key that is written twice, since the second would silently win.

    A value that holds itself (``&a [*a]``) is refused, too, and so are aliases that repeat too many values.
    """

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self.deep_construct = True  # or a value that holds itself would be made

    def get_single_node(self) -> yaml.Node | None:
        node = super().get_single_node()
        sizes: dict[int, int] = {}
        if node is not None and _whole_size(node, sizes) - len(sizes) > _MOST_REPEATED:
            raise yaml.constructor.ConstructorError(
                None, None, f"its aliases repeat more than {_MOST_REPEATED:,} values", node.start_mark
            )
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: list[Any] = []
        for key_node, _ in node.value:
            key = "<<" if key_node.tag == f"{_PREFIX}merge" else self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands there twice", key_node.start_mark
                )
            seen.append(key)
        return super().construct_mapping(node, deep)


def _whole_size(node: yaml.Node, sizes: dict[int, int]) -> int:
    """The values of a node and below it, one behind an alias as often as it stands there; ``sizes``: those known."""
    if id(node) not in sizes:
        sizes[id(node)] = 1  # of a node that holds itself, which is refused later
        if isinstance(node, yaml.MappingNode):
            inner = [each for pair in node.value for each in pair]
        else:
            inner = node.value if isinstance(node, yaml.SequenceNode) else []
        sizes[id(node)] += sum(_whole_size(each, sizes) for each in inner)
    return sizes[id(node)]


class _CoreDumper(yaml.SafeDumper):
    """Quotes a text that YAML 1.1 or 1.2 would read as anything else."""


def _truth(loader: _CoreLoader, node: yaml.ScalarNode) -> bool:
    text = str(loader.construct_scalar(node)).lower()
    if text not in ("true", "false"):
        raise ValueError(f"{text!r} is neither true nor false")
    return text == "true"


def _whole_number(loader: _CoreLoader, node: yaml.ScalarNode) -> int:
    text = str(loader.construct_scalar(node))
    if len(text) > _LONGEST_NUMBER:  # Python refuses to print one of more than 4300 digits, whatever its base
        raise ValueError(f"a whole number of {len(text):,} digits; {_LONGEST_NUMBER} are the most")
    return int(text, {"0x": 16, "0o": 8}.get(text[:2], 10))


def _fraction(loader: _CoreLoader, node: yaml.ScalarNode) -> float:
    text = str(loader.construct_scalar(node))
    if not _FLOAT.fullmatch(text):
        raise ValueError(f"{quoted(text)} is no number")
    return float(loader.construct_yaml_float(node))


_CoreLoader.yaml_implicit_resolvers = {}
_CoreLoader.yaml_constructors = {
    tag: yaml.SafeLoader.yaml_constructors[tag]
    for tag in (None, *(_PREFIX + kind for kind in ("null", "str", "seq", "map")))
}
for _kind, _pattern, _first in _CORE:
    _found = re.compile(f"^(?:{_pattern})$")
    _CoreLoader.add_implicit_resolver(_PREFIX + _kind, _found, _first)
    _CoreDumper.add_implicit_resolver(_PREFIX + _kind, _found, _first)
_CoreLoader.add_constructor(f"{_PREFIX}bool", _truth)
_CoreLoader.add_constructor(f"{_PREFIX}int", _whole_number)
_CoreLoader.add_constructor(f"{_PREFIX}float", _fraction)


def read_yaml(text: str) -> Any:
    """The value of a YAML document.

    Raises:
        ConfigError: it is not YAML, or has a key twice; the message tells line and column.
    """
    try:
        return yaml.load(text, Loader=_CoreLoader)
    except yaml.MarkedYAMLError as error:
        raise ConfigError(_explain(error)) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: a number of thousands of digits
        raise ConfigError(on_one_line(str(error))) from error


def write_yaml(values: Any) -> str:
    """Values as a YAML document, which ``read_yaml`` reads back as the same values (but for control characters)."""
    return yaml.dump(values, Dumper=_CoreDumper, sort_keys=False, allow_unicode=True)


def line_of_key(text: str, path: Sequence[str]) -> int | None:
    """The line, from 1, on which a mapping's key stands in a YAML document; None where it has none.

    Args:
        text: a document that ``read_yaml`` reads.
        path: the keys that lead to it, and the indices of lists between them.
    """
    node, line = yaml.compose(text, Loader=_CoreLoader), None
    for part in path:
        if isinstance(node, yaml.SequenceNode) and part.isdigit() and int(part) < len(node.value):
            node = node.value[int(part)]
            line = node.start_mark.line + 1
            continue
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        found = next(((key, value) for key, value in pairs if key.value == part), None)
        if found is None:
            return line
        node, line = found[1], found[0].start_mark.line + 1
    return line


def _explain(error: yaml.MarkedYAMLError) -> str:
    said = " ".join(part for part in (error.context, error.problem) if part)
    mark = error.problem_mark or error.context_mark
    return said if mark is None else f"line {mark.line + 1}, column {mark.column + 1}: {said}"
