"""A judge behind any OpenAI-compatible endpoint."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from algorithms.chat.endpoint import ChatEndpoint, Messages, check_key, check_packages
from algorithms.chat.responses import NoAnswer
from ecr_rl.labels.judging.injection import speaks_to_judge
from ecr_rl.labels.judging.judge_protocol import Evidence, Labels, no_labels
from ecr_rl.labels.judging.prompt import EmotionsOf, JudgePrompt
from ecr_rl.settings import JudgeSettings
from envs.catalog import Catalog
from envs.errors import ConfigError
from envs.files import write_json
from envs.heads import Head
from envs.inputs.json_text import JsonFault, parse_json


class EndpointJudge:
    """Asks an endpoint for scores; answers are cached on disk by the content of the request."""

    name = "openai"

    def __init__(
        self,
        settings: JudgeSettings,
        catalog: Catalog,
        cache: Path,
        heads: Sequence[Head],
        emotions: EmotionsOf | None = None,
        task: str | None = None,
    ) -> None:
        """Prepare a judge; nothing is sent yet.

        Args:
            settings: endpoint, model, pace, retries; the key is read from the environment.
            catalog: facts of the films.
            cache: folder of answers.
            heads: what is scored; those without a question stay unknown.
            emotions: reads emotions for the rich context.
            task: what it is told to do, as ``JudgePrompt`` takes it.

        Raises:
            ConfigError: the environment holds a key that cannot be sent.
        """
        self._settings, self._catalog, self._cache, self._emotions = settings, catalog, cache, emotions
        self.heads, self._prompt = tuple(heads), JudgePrompt(heads, task)
        self._endpoint = ChatEndpoint(
            settings, settings.model, model_setting="labels.model (--model)", temperature=0.0, max_new=settings.max_new
        )
        self.provenance: Mapping[str, object] = {
            "model": settings.model,
            "endpoint": settings.endpoint,
            "max_new": settings.max_new,
            "prompt": self._prompt.version,
            "context": settings.context.value,
        }

    def judge(self, evidence: Sequence[Evidence]) -> Labels:
        """Score N replies; a missing or unreadable answer is recorded as the piece's problem.

        Raises:
            ModelError: the endpoint refuses the key or does not know the model.
        """
        labels, asked = no_labels(len(evidence), [head.name for head in self.heads]), self._prompt.heads
        labels.flagged[:] = [speaks_to_judge(piece.exchange.reply, asked) for piece in evidence]
        with ThreadPoolExecutor(self._settings.concurrency) as pool:
            answers = list(pool.map(self._scores, evidence))
        problems, columns = [], labels.columns(asked)
        for row, answer in enumerate(answers):
            if isinstance(answer, list):
                labels.values[row, columns], labels.known[row, columns] = answer, True
            problems.append(answer if isinstance(answer, str) else "")
        return replace(labels, problems=tuple(problems))

    def _scores(self, piece: Evidence) -> list[float] | str:
        """The scores of a piece, or what went wrong."""
        messages = self._prompt.messages(piece, self._catalog, self._settings.context, self._emotions)
        file = self._cache / f"{self._key(messages)}.json"
        text = _kept_answer(file)
        if text is None:
            try:
                text = self._endpoint.ask(messages)
            except NoAnswer as error:
                return str(error)
            write_json(file, {"answer": text, "model": self._settings.model, "prompt": self._prompt.version})
        return self._prompt.read(text)

    def _key(self, messages: Messages) -> str:
        asked = [self._settings.endpoint, self._settings.model, self._settings.max_new, messages]
        digest = hashlib.sha256(json.dumps(asked).encode()).hexdigest()
        return f"{digest[:2]}/{digest}"


def _kept_answer(file: Path) -> str | None:
    """The answer in a file of the cache; None if there is none, or the file is damaged."""
    try:
        kept = parse_json(file.read_bytes())["answer"]
    except (OSError, JsonFault, KeyError, TypeError):
        return None
    return kept if isinstance(kept, str) else None


def check_endpoint(settings: JudgeSettings) -> None:
    """Refuse settings that cannot work, without sending anything.

    Raises:
        ConfigError: no endpoint or model is named, the packages are missing, or the environment holds no usable key.
    """
    if not settings.endpoint or not settings.model:
        raise ConfigError(
            "the openai judge needs an endpoint, labels.endpoint or --endpoint (such as http://127.0.0.1:8000/v1), and "
            "a model, labels.model or --model"
        )
    check_packages("the openai judge")
    check_key(settings.api_key_env)
