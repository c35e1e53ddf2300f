"""The run folder: the files that a run reads and writes, and its status for other processes.

    config.yaml    the resolved settings          run.json      git state, package versions, starts
    metrics.jsonl  every figure, line by line     tensorboard/  the same as scalars
    status.json    stage, progress, ETA, workers  stages/       the result of each finished stage

A folder belongs to one process at a time, by a lock that the system releases when the process ends.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ecr_rl.config import RunConfig, config_yaml, load_config
from ecr_rl.named_parts import load_own_parts, own_parts
from ecr_rl.overrides import differences
from ecr_rl.runs.metrics import MetricsLog, TensorBoardPage, read_metrics
from ecr_rl.runs.progress import Display, make_display
from ecr_rl.runs.provenance import provenance
from ecr_rl.runs.source_closure import source_hash
from ecr_rl.runs.stage import STATUS, Stage, StatusFile
from envs.errors import RunError
from envs.files import write_json, write_text
from envs.marks import Folder, mark_at

if TYPE_CHECKING:
    from ecr_rl.runs.mirror import Mirror

CONFIG, FACTS, LOCK = "config.yaml", "run.json", ".lock"


class RunFolder:
    """A run's folder; ``create`` opens one for writing, ``open`` one for reading.

    Attributes:
        path: the folder.
        config: the run's settings.
    """

    def __init__(self, path: Path, config: RunConfig) -> None:
        """Use ``create`` or ``open`` instead."""
        self.path, self.config = path, config
        self._lock: Any = None
        self._log: MetricsLog | None = None
        self._status: StatusFile | None = None
        self._display: Display | None = None
        self._mirror: Mirror | None = None

    @classmethod
    def create(cls, path: str | Path, config: RunConfig, resume: bool = False, kind: Folder = "run") -> RunFolder:
        """Open a folder for writing: a new one, or with ``resume`` an existing one.

        Args:
            path: the folder.
            config: the run's settings.
            resume: continue a folder that exists.
            kind: what the folder holds; a setting's mark says whether such a folder may continue with another value.

        Raises:
            RunError: the folder exists and ``resume`` is not set; it is no run folder; settings differ that must stay;
                another process is working in it.
            ConfigError: a part from outside that the settings name is not there.
        """
        path = Path(path)
        load_own_parts(config)
        mirror = _mirror_of(config)
        if resume and mirror is not None and not path.exists() and mirror.exists():
            mirror.pull(path)
        if resume and path.exists():
            _check_resumable(path, config, kind)
        try:
            path.mkdir(parents=True, exist_ok=resume)
        except FileExistsError as error:
            raise RunError(f"{path} exists. Add --resume to go on with it, or take another --out") from error
        run = cls(path, config)
        run._begin(resume)
        run._mirror = mirror
        return run

    @classmethod
    def open(cls, path: str | Path, overrides: Sequence[str] = ()) -> RunFolder:
        """Open an existing run's folder for reading.

        Args:
            path: the folder.
            overrides: changes of its settings, each ``section.key=value``.

        Raises:
            RunError: there is no run in it.
            ConfigError: an override does not fit.
        """
        path = Path(path)
        if not (path / CONFIG).is_file():
            raise RunError(f"{path}: no run there ({CONFIG} is missing). Name the folder that was given to --out")
        return cls(path, load_config(path / CONFIG, overrides))

    def __enter__(self) -> Self:
        """The folder itself; closed at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the folder; the status says ``failed`` when an error ends the block."""
        self.close(error)

    @contextmanager
    def stage(self, name: str, total: int) -> Iterator[Stage]:
        """Run a stage; its ``update(done, total, metrics)`` serves as an ``on_step`` callback.

        Args:
            name: the stage, e.g. ``ppo``.
            total: number of its steps.
        """
        log, status, display = self._writers()
        stage = Stage(name, total, log, status, display)
        ended = "failed"
        try:
            yield stage
            ended = "done"
        finally:
            stage.end(ended)

    def rewind(self, stage: str, step: int) -> None:
        """Drop the stage's metrics after ``step``, since it resumes from a checkpoint there and writes them again."""
        self._writers()[0].rewind(stage, step)

    def show(self, stage: str, step: int, page: TensorBoardPage) -> None:
        """Show a page of texts and histograms in TensorBoard, at a step of a stage."""
        self._writers()[0].show(stage, step, page)

    def record_workers(self, workers: Sequence[Mapping[str, Any]]) -> None:
        """Show these workers in the status; each is a mapping such as ``{"kind": "env_runner", "index": 1, ...}``."""
        self._writers()[1].set(workers=[dict(worker) for worker in workers])

    def metrics(self, stage: str | None = None) -> list[dict[str, Any]]:
        """The metrics so far, of one stage or of all, oldest first."""
        return [line for line in read_metrics(self.path) if stage is None or line["stage"] == stage]

    def seconds(self, stage: str) -> float:
        """How many seconds the last run of a stage took; 0 if it never ran."""
        status = json.loads((self.path / STATUS).read_text(encoding="utf-8"))
        return next((entry["seconds"] for entry in status["stages"] if entry["name"] == stage), 0.0)

    def finished(self, stage: str, settings: Mapping[str, Any]) -> dict[str, Any] | None:
        """The result of a stage that finished under these settings; None if it has not."""
        file = self._marker(stage)
        if not file.is_file():
            return None
        marker = json.loads(file.read_text(encoding="utf-8"))
        return marker["result"] if marker["settings"] == settings_hash(settings) else None

    def finish(self, stage: str, settings: Mapping[str, Any], result: Mapping[str, Any]) -> None:
        """Mark a stage as finished, with its result (JSON values)."""
        write_json(self._marker(stage), {"settings": settings_hash(settings), "result": dict(result)})
        self.sync()

    def sync(self) -> None:
        """Send all changes to the run's mirror, if it has one.

        Raises:
            RunError: the mirror cannot be written.
        """
        if self._mirror is not None:
            self._mirror.push(self.path)

    def forget(self, *stages: str) -> None:
        """Remove the marks of finished stages, so that they run again."""
        for stage in stages:
            self._marker(stage).unlink(missing_ok=True)

    def busy(self) -> bool:
        """Whether a process is working in the folder, on this machine or on the same file system."""
        file = self.path / LOCK
        if self._lock is not None or not file.is_file():  # a process that probes its own POSIX lock would lose it
            return self._lock is not None
        with file.open("r") as stream:
            return not _locked(stream, fcntl.LOCK_SH)

    def close(self, error: BaseException | None = None) -> None:
        """Close the files, record the end in the status and release the folder's lock."""
        if self._log is not None and self._status is not None:
            state = "finished" if error is None else "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
            self._status.set(state=state, error=None if error is None else str(error) or type(error).__name__)
            self._log.close()
            self._log, self._status = None, None
            self.sync()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _begin(self, resume: bool) -> None:
        self._lock = _take_lock(self.path)
        write_text(self.path / CONFIG, config_yaml(self.config))
        file = self.path / FACTS
        own = [{"setting": key, "name": name, "code": source_hash(name)} for key, name in own_parts(self.config)]
        now = {"time": datetime.now().astimezone().isoformat(timespec="seconds"), **provenance(), "own_parts": own}
        if resume and file.is_file():
            facts = json.loads(file.read_text(encoding="utf-8"))
            facts["resumed"].append(now)
        else:
            facts = {"name": self.config.name, "seed": self.config.seed, **now, "resumed": []}
        write_json(file, facts)
        self._log = MetricsLog(self.path)
        self._status = StatusFile(self.path)
        self._display = make_display()

    def _writers(self) -> tuple[MetricsLog, StatusFile, Display]:
        if self._log is None or self._status is None or self._display is None:
            raise RunError(
                f"{self.path} was opened for reading; RunFolder.create(..., resume=True) gives it for writing"
            )
        return self._log, self._status, self._display

    def _marker(self, stage: str) -> Path:
        return self.path / "stages" / f"{stage}.json"


def _mirror_of(config: RunConfig) -> Mirror | None:
    if config.mirror is None:
        return None
    from ecr_rl.runs.mirror import Mirror  # imports pyarrow

    return Mirror(config.mirror)


def settings_hash(settings: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of JSON settings; their order does not matter."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def _check_resumable(path: Path, config: RunConfig, kind: Folder) -> None:
    if not (path / CONFIG).is_file():
        others = [entry.name for entry in path.iterdir() if not entry.name.startswith(".")] if path.is_dir() else [path]
        if others:
            raise RunError(f"{path} holds no run ({CONFIG} is missing) but something else. Take another --out")
        return
    differing = differences(RunFolder.open(path).config.model_dump(mode="json"), config.model_dump(mode="json"))
    lines = [
        f"  {key}: {change}"
        for key, change in differing.items()
        if (mark := mark_at(RunConfig, key)) is None or kind not in mark.resume
    ]
    if lines:
        listed = "\n".join(lines)
        raise RunError(f"{path} began with other settings:\n{listed}\nPut them back, or take another --out")


def _take_lock(path: Path) -> Any:
    stream = (path / LOCK).open("a")
    for _ in range(10):  # a status command holds the lock for a moment
        if _locked(stream, fcntl.LOCK_EX):
            return stream
        time.sleep(0.05)
    stream.close()
    raise RunError(f"another process is working in {path}: ecr-rl status {path} shows how far it is")


def _locked(stream: Any, kind: int) -> bool:
    """Try to take a POSIX lock, which ends with the process and also works over NFS."""
    try:
        fcntl.lockf(stream, kind | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True
