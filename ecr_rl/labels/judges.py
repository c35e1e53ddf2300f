"""The judge that the settings name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from ecr_rl.labels.evidence import ContextForm, Judge
from ecr_rl.labels.instruments import load_instruments
from ecr_rl.labels.settings import JudgeSettings
from envs.catalog import Catalog


def build_judge(settings: JudgeSettings, catalog: Catalog, rubric: Callable[[], Judge]) -> Judge:
    """Build the judge that the settings name.

    Args:
        settings: who judges.
        catalog: facts of the films, for judges that are told them.
        rubric: builds the rubric judge.
    """
    return rubric()


def rubric_maker(catalog: Catalog, instruments: Path | None, context: ContextForm) -> Callable[[], Judge]:
    """What builds the rubric judge; can be sent to a worker.

    Args:
        catalog: the films.
        instruments: folder of what it measures with; None for the stand-ins, which need no model.
        context: what it is told beside the words.
    """
    return partial(_rubric, catalog, instruments, context)


def _rubric(catalog: Catalog, instruments: Path | None, context: ContextForm) -> Judge:
    from ecr_rl.labels.rubric import RubricJudge

    return RubricJudge(catalog, load_instruments(instruments), context)
