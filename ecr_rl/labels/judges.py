"""The judge that the settings name."""

from __future__ import annotations

from collections.abc import Callable

from ecr_rl.labels.evidence import Judge
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
