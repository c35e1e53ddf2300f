"""Read the files of models and tokenizers, of a folder or the hub; a file that cannot be used is one ``ModelError``.

transformers, tokenizers and safetensors raise many kinds of errors for broken files, some without a file's name.
``ModelFiles`` turns them all into one line that says which file is wrong and what to do.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

import tokenizers
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HFValidationError, StrictDataclassError
from huggingface_hub.utils import validate_repo_id
from safetensors import SafetensorError
from transformers import AutoConfig, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging as transformers_logging

from envs.errors import ModelError

_BROKEN_FILES = (
    OSError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    RuntimeError,
    ImportError,
    EOFError,
    SafetensorError,
    StrictDataclassError,
)
"""What the libraries raise for files that they cannot use; tokenizers raises a bare ``Exception``, too."""
_LFS_POINTER = b"version https://git-lfs"
_CONFIG, _TOKENIZER, _INDEX, _ADAPTER = (
    "config.json",
    "tokenizer.json",
    "model.safetensors.index.json",
    "adapter_config.json",
)
_LONGEST_REASON = 300


class ModelFiles:
    """A context in which a model's files are read: what is wrong with them becomes one ``ModelError``."""

    def __init__(self, source: str | Path, failed: str, remedy: str) -> None:
        """Name what is read.

        Args:
            source: a folder or hub id.
            failed: how the message begins, such as ``no tokenizer at 'x'``.
            remedy: how it ends, where the file at fault has no remedy of its own.
        """
        self._source, self._failed, self._remedy = str(source), failed, remedy
        self._verbosity = 0

    def __enter__(self) -> None:
        """Silence transformers' own tables of what is wrong."""
        self._verbosity = transformers_logging.get_verbosity()
        transformers_logging.set_verbosity(logging.CRITICAL)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Raise the ``ModelError`` if something was wrong."""
        transformers_logging.set_verbosity(self._verbosity)
        if isinstance(error, _BROKEN_FILES) or type(error) is Exception:
            reason, remedy = (
                _own_code(error) or _file_at_fault(self._source, error) or (_first_line(error), self._remedy)
            )
            raise ModelError(f"{self._failed}: {reason}. {remedy}") from error


def load_model(auto: Any, source: str | Path, **options: Any) -> PreTrainedModel:
    """A model by one of transformers' ``Auto…`` classes, from safetensors alone; all its weights are in the files.

    Raises:
        ValueError: the files lack weights of the model, which transformers would draw at random.
    """
    model, found = auto.from_pretrained(
        str(source), use_safetensors=True, output_loading_info=True, trust_remote_code=False, **options
    )
    missing = sorted(name for name in found["missing_keys"] if "pooler" not in name)  # nothing here reads a pooler
    if missing:
        raise ValueError(f"its weights lack {len(missing)} of the model's tensors, among them {missing[0]}")
    return model


def load_plain_tokenizer(source: str | Path, remedy: str) -> PreTrainedTokenizerBase:
    """The tokenizer of a folder or hub id, as it is.

    Raises:
        ModelError: it cannot be read, or its files are for another version; the message ends with ``remedy``.
    """
    with ModelFiles(source, f"no tokenizer at {str(source)!r}", remedy):
        return AutoTokenizer.from_pretrained(str(source), use_fast=True, trust_remote_code=False)


def hub_commit(source: str) -> str:
    """The commit of a hub id's files that is loaded now, as the hub or its copy on this machine says.

    Raises:
        ModelError: there is no such model.
    """
    with ModelFiles(source, f"{source}: no model there", "Name a folder or a hub id"):
        config: Any = AutoConfig.from_pretrained(source, trust_remote_code=False)
    return f"{source}@{config._commit_hash}"


def require_rows(model: PreTrainedModel, ids: Iterable[int]) -> None:
    """Check that a model's embedding has a row for each of its tokenizer's ids.

    Raises:
        ValueError: it has none for the highest id.
    """
    embeddings: Any = model.get_input_embeddings()
    rows, highest = int(embeddings.weight.shape[0]), max(ids)
    if highest >= rows:
        raise ValueError(f"its tokenizer has ids up to {highest}, and its embedding {rows} rows alone")


def _own_code(error: BaseException) -> tuple[str, str] | None:
    """The refusal of a model whose classes are not those of transformers; None if ``error`` is another."""
    if isinstance(error, ValueError) and "trust_remote_code=True" in str(error):
        return "it needs code of its own, which is not run", "Choose a model whose code is in transformers"
    return None


def _file_at_fault(source: str, error: BaseException) -> tuple[str, str] | None:
    """What is wrong with which file, and the remedy; None if no file of the model shows a fault."""
    folder = _folder(source)
    if folder is None:
        return None if _is_hub_id(source) else ("there is no such folder", "Name a folder or a hub id")
    names = sorted(file.name for file in folder.iterdir() if file.is_file())
    weights = [name for name in names if name.endswith(".safetensors")]
    for name in [_CONFIG, _TOKENIZER, "tokenizer.model", _INDEX, *weights]:
        if name in names and (fault := _fault(folder / name)):
            return f"{name} {fault[0]}", fault[1]
    if _INDEX in names and (missing := sorted(_shards(_read_json((folder / _INDEX).read_bytes())) - set(names))):
        return f"{missing[0]} is missing, which {_INDEX} names", "Download it again"
    if type(error) is Exception and _TOKENIZER in names:
        return (
            f"{_TOKENIZER} is not for tokenizers {tokenizers.__version__} ({_first_line(error)})",
            "Update tokenizers and transformers, or save the tokenizer anew with these versions",
        )
    if _ADAPTER in names and not weights:
        return "it holds adapters alone", "Merge them into their base model (peft: merge_and_unload) and save that"
    if not weights and (pickled := [name for name in names if name.endswith((".bin", ".pt", ".pth"))]):
        return (
            f"its weights are in {pickled[0]}, which is not read since it may run code",
            "Save the model anew as safetensors",
        )
    if "ignore_mismatched_sizes" in str(error) and weights:
        return f"the weights in {weights[0]} have other shapes than {_CONFIG} says", "Take both from the same model"
    return None


def _is_hub_id(source: str) -> bool:
    try:
        validate_repo_id(source)
    except HFValidationError:
        return False
    return True


def _folder(source: str) -> Path | None:
    """The folder behind a source: itself, or the hub's copy on this machine; None where there is none."""
    if Path(source).is_dir():
        return Path(source)
    try:
        return Path(snapshot_download(source, local_files_only=True))
    except (OSError, ValueError):
        return None


def _fault(file: Path) -> tuple[str, str] | None:
    """What is wrong with one file by its content, and the remedy."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        start = stream.read(64)
        if start.startswith(_LFS_POINTER):
            return "is a Git LFS pointer, not the file itself", "Fetch the file: git lfs pull"
        if not start:
            return "is empty", "Download it again"
        if file.suffix == ".safetensors":
            stream.seek(8)
            length = int.from_bytes(start[:8], "little")
            header = stream.read(length) if length < size else b""
            return _cut_off(header, size - 8 - length)
    if file.suffix == ".json":
        try:
            facts = _read_json(file.read_bytes())
        except ValueError as error:
            return f"is no JSON ({_first_line(error)})", "It may be cut off or damaged: download it again"
        if not isinstance(facts, dict):
            return "is no JSON object", "Download it again"
        if file.name == _INDEX and not _shards(facts):
            return "does not say in which file each tensor is (weight_map)", "Download it again"
    return None


def _read_json(content: bytes) -> Any:
    """The value of a JSON file, as transformers reads it.

    Raises:
        ValueError: it has none.
    """
    try:
        return json.loads(content.decode("utf-8"))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _shards(index: dict[str, Any]) -> set[str]:
    """The files that an index names; none if it does not name one for each tensor."""
    files = index.get("weight_map")
    if not isinstance(files, dict) or not all(isinstance(name, str) for name in files.values()):
        return set()
    return set(files.values())


def _cut_off(header: bytes, held: int) -> tuple[str, str] | None:
    """Whether a safetensors file with this header and ``held`` bytes of tensors is whole."""
    try:
        tensors = _read_json(header)
        ends = [int(entry["data_offsets"][1]) for name, entry in tensors.items() if name != "__metadata__"]
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError):
        return "is cut off or is no safetensors file", "Download it again"
    if max(ends, default=0) > held:
        return f"is cut off: it holds {held:,} bytes of tensors in place of {max(ends):,}", "Download it again"
    return None


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    reason = lines[0] if lines else type(error).__name__
    if reason.endswith(":") and len(lines) > 1:
        reason = f"{reason} {lines[1]}"
    if isinstance(error, KeyError):
        reason = f"the key {reason} is missing"
    return reason[:_LONGEST_REASON].rstrip(".")
