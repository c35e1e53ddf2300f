"""How the judges of this project are made: the rubric, a chat model, an endpoint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from algorithms.readers.emotions import LexiconEmotions
from algorithms.readers.film_affinity import FilmAffinity
from ecr_rl.labels.judging.judge_protocol import Judge
from ecr_rl.labels.judging.prompt import EmotionsOf
from ecr_rl.labels.judging.registry import JudgeInputs
from ecr_rl.labels.judging.text_readers import load_text_readers
from ecr_rl.settings import ContextForm, JudgeSettings
from envs.builtin_heads import heads_of
from envs.catalog import Catalog
from envs.emotions import NINE


def model_judge(inputs: JudgeInputs) -> Judge:
    """A chat model in this process; it is loaded when the first reply comes."""
    from ecr_rl.labels.judging.model_judge import ModelJudge

    return ModelJudge(inputs.settings, inputs.catalog, inputs.heads, _emotions(inputs.settings), inputs.task)


def endpoint_judge(inputs: JudgeInputs) -> Judge:
    """A model behind an endpoint.

    Raises:
        ConfigError: no endpoint or model is named, or the packages are missing.
    """
    from ecr_rl.labels.judging.endpoint_judge import EndpointJudge, check_endpoint

    settings = inputs.settings
    check_endpoint(settings)
    answers = inputs.cache / "answers"
    return EndpointJudge(settings, inputs.catalog, answers, inputs.heads, _emotions(settings), inputs.task)


def with_folder(settings: JudgeSettings, cache: Path) -> JudgeSettings:
    """The settings, with a packaged model's folder in place of its name; no name stands for SmolLM2's."""
    from algorithms.chat.packaged import model_source
    from algorithms.packaged_models import SMOLLM2

    return settings.model_copy(update={"model": model_source(settings.model or SMOLLM2, cache)})


def _emotions(settings: JudgeSettings) -> EmotionsOf | None:
    return _emotion_names if settings.context is ContextForm.RICH else None


def _emotion_names(texts: Sequence[str]) -> list[str]:
    """The strongest of ECR's nine emotions in each text."""
    return [NINE[index] for index in LexiconEmotions().read(texts).nine.argmax(1)]


def rubric_maker(
    catalog: Catalog,
    instruments: Path | None,
    context: ContextForm,
    heads: Sequence[str],
    affinity: FilmAffinity | None = None,
    people: Path | None = None,
) -> Callable[[], Judge]:
    """A function that builds the rubric judge; it can be sent to a worker.

    Args:
        catalog: the films.
        instruments: folder of what it measures with; None for the stand-ins, which need no model.
        context: what it is told beside the words.
        heads: what it measures, as ``envs.builtin_heads.heads_of`` takes it; a worker finds the definitions by itself.
        affinity: which films go with which; by default nothing is known.
        people: folder of the model of people's ratings; None for the one that comes with the project.
    """
    return partial(_rubric, catalog, instruments, context, tuple(heads), affinity, people)


def _rubric(
    catalog: Catalog,
    instruments: Path | None,
    context: ContextForm,
    heads: tuple[str, ...],
    affinity: FilmAffinity | None,
    people: Path | None,
) -> Judge:
    from algorithms.people.model import PeopleModel
    from ecr_rl.labels.judging.rubric import RubricJudge

    model = None if people is None else PeopleModel.load(people)
    return RubricJudge(catalog, load_text_readers(instruments), context, affinity, heads_of(heads), model)
