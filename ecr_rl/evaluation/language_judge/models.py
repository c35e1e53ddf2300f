"""Judge models: one in this process, whose chances are read, and one behind an endpoint, whose text is read."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from algorithms.chat.choices import ChoiceReader, choice_tokens
from algorithms.chat.endpoint import ChatEndpoint
from algorithms.chat.model import ChatModel
from algorithms.chat.packaged import model_source
from algorithms.chat.responses import NoAnswer
from algorithms.settings.precision import Precision
from ecr_rl.evaluation.language_judge.forms import Form
from ecr_rl.runs.artefacts import model_version
from envs.json_record import JsonRecord
from envs.settings import EndpointSettings


@dataclass(frozen=True, slots=True)
class JudgeAnswer(JsonRecord):
    """An answer to one question.

    Attributes:
        chances: for each key of the form the chances of its values, which add up to 1; a text's are 0 and 1.
        prompt_tokens: of the question, those included that were not computed again; None if an endpoint does not say.
        answer_tokens: of the answer; None if an endpoint does not say.
        seconds: that it took.
        problem: why an answer that came cannot be read; then there are no chances. Empty where it can.
    """

    chances: list[list[float]]
    prompt_tokens: int | None
    answer_tokens: int | None
    seconds: float
    problem: str = ""


class JudgeModel(Protocol):
    """Answers forms.

    Attributes:
        name: the model's.
        version: what decides its answers beside the question; a part of the cache's key.
        at_once: questions that it takes side by side.
    """

    name: str
    version: str
    at_once: int

    def ask(self, form: Form, body: str) -> JudgeAnswer:
        """Answer a form about a text.

        Raises:
            NoAnswer: there is none.
            ModelError: the model cannot be asked at all.
        """
        ...


class LocalJudge:
    """A chat model in this process: the chances of the values' tokens behind each key, none of which sees another."""

    at_once = 1

    def __init__(self, name: str, cache: Path, precision: Precision = "auto") -> None:
        """Load a packaged model, a folder or a hub id.

        Args:
            name: of the model.
            cache: folder of the packaged models.
            precision: the dtype in which it computes; ``auto`` is float32 on a CPU, else bfloat16.

        Raises:
            ModelError: the model cannot be loaded, or cannot go on from what it has read.
        """
        source = model_source(name, cache)
        self.name, self.version = name, f"{model_version(source)} {precision}"
        self._chat = ChatModel(source, precision=precision)
        self._reader = ChoiceReader(self._chat, name)

    def ask(self, form: Form, body: str) -> JudgeAnswer:
        """Answer a form about a text.

        Raises:
            NoAnswer: the text is too long for the model.
            ModelError: its tokenizer has no single token for each value.
        """
        begun = time.monotonic()
        stems, tokenizer = form.beginnings(), self._chat.tokenizer
        space, choices = choice_tokens(tokenizer, self.name, stems[0], form.values, spaced=not form.quoted)
        text = self._chat.write_question(form.messages(body), at_once=True)
        prompt, ahead = self._tokens(text), []
        for stem in stems:
            whole = self._tokens(f"{text}{stem}{space}")
            ahead.append(whole[len(prompt) :])
        longest = len(prompt) + max(map(len, ahead))
        if longest > self._reader.room:
            raise NoAnswer(f"{longest} tokens are too long for the model's {self._reader.room} positions")
        chances = self._reader.chances(prompt, ahead, choices)
        return JudgeAnswer(chances, len(prompt), sum(map(len, ahead)), time.monotonic() - begun)

    def _tokens(self, text: str) -> list[int]:
        return self._chat.tokenizer(text, add_special_tokens=False)["input_ids"]


class EndpointJudgeModel:
    """A model behind an OpenAI-compatible endpoint, which writes its answer as JSON."""

    def __init__(self, settings: EndpointSettings, model: str, *, max_new: int, at_once: int) -> None:
        """Prepare requests; nothing is sent yet.

        Args:
            settings: address, key, pace and retries.
            model: the model's name at the endpoint.
            max_new: tokens of an answer at most.
            at_once: concurrent requests.

        Raises:
            ConfigError: the environment holds a key that cannot be sent.
        """
        self.name, self.version, self.at_once = model, f"{settings.endpoint} {model} {max_new}", at_once
        self._endpoint = ChatEndpoint(settings, model, model_setting="--model", temperature=0.0, max_new=max_new)

    def ask(self, form: Form, body: str) -> JudgeAnswer:
        """Answer a form about a text.

        Raises:
            NoAnswer: the endpoint gives none.
            ModelError: the endpoint refuses the key or does not know the model.
        """
        begun = time.monotonic()
        text, used = self._endpoint.ask_counted(form.messages(body))
        chances, problem = [], ""
        try:
            chances = _certain(form.read(text), len(form.values))
        except ValueError as error:
            problem = f"unreadable answer: {error}"
        prompt, answer = (None, None) if used is None else (used.prompt, used.answer)
        return JudgeAnswer(chances, prompt, answer, time.monotonic() - begun, problem)


def _certain(read: Sequence[int], values: int) -> list[list[float]]:
    """Chances of 1 for the values that were read."""
    return [[float(index == chosen) for index in range(values)] for chosen in read]
