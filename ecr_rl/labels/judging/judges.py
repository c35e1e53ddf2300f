"""The judge that the settings name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from algorithms.readers.emotions import LexiconEmotions
from algorithms.readers.film_affinity import FilmAffinity
from ecr_rl.labels.judging.judge_protocol import Judge
from ecr_rl.labels.judging.text_readers import load_text_readers
from ecr_rl.settings import ContextForm, JudgeSettings
from envs.builtin_heads import heads_of
from envs.catalog import Catalog
from envs.emotions import NINE

SMOLLM2 = "smollm2"


def build_judge(
    settings: JudgeSettings, catalog: Catalog, rubric: Callable[[], Judge], heads: Sequence[str], cache: Path
) -> Judge:
    """Build the judge that the settings name.

    Args:
        settings: which judge, and its options.
        catalog: facts of the films, for judges that read them.
        rubric: builds the rubric judge.
        heads: what the others score, as ``envs.builtin_heads.heads_of`` takes it.
        cache: folder of what a judge keeps between runs.

    Raises:
        EcrError: a model cannot be loaded, or packages are missing.
    """
    if settings.judge == "rubric":
        return rubric()
    emotions = _emotion_names if settings.context is ContextForm.RICH else None
    if settings.judge == "transformers":
        from ecr_rl.labels.judging.model_judge import ModelJudge

        return ModelJudge(settings, catalog, heads_of(heads), emotions)
    from ecr_rl.labels.judging.endpoint_judge import EndpointJudge, check_endpoint

    check_endpoint(settings)
    return EndpointJudge(settings, catalog, cache / "answers", heads_of(heads), emotions)


def with_folder(settings: JudgeSettings, cache: Path) -> JudgeSettings:
    """The settings, with the packaged model's folder in place of ``smollm2``."""
    if settings.model != SMOLLM2:
        return settings
    from algorithms.packaged_models import packaged_smollm2

    return settings.model_copy(update={"model": str(packaged_smollm2(cache))})


def _emotion_names(texts: Sequence[str]) -> list[str]:
    """The strongest of ECR's nine emotions in each text."""
    return [NINE[place] for place in LexiconEmotions().read(texts).nine.argmax(1)]


def rubric_maker(
    catalog: Catalog,
    instruments: Path | None,
    context: ContextForm,
    heads: Sequence[str],
    affinity: FilmAffinity | None = None,
) -> Callable[[], Judge]:
    """A function that builds the rubric judge; it can be sent to a worker.

    Args:
        catalog: the films.
        instruments: folder of what it measures with; None for the stand-ins, which need no model.
        context: what it is told beside the words.
        heads: what it measures, as ``envs.builtin_heads.heads_of`` takes it; a worker finds the definitions by itself.
        affinity: which films go with which; by default nothing is known.
    """
    return partial(_rubric, catalog, instruments, context, tuple(heads), affinity)


def _rubric(
    catalog: Catalog,
    instruments: Path | None,
    context: ContextForm,
    heads: tuple[str, ...],
    affinity: FilmAffinity | None,
) -> Judge:
    from ecr_rl.labels.judging.rubric import RubricJudge

    return RubricJudge(catalog, load_text_readers(instruments), context, affinity, heads_of(heads))
