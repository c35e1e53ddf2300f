"""Ask a judge model many questions: answers are kept on disk, so that what was asked once costs nothing again."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from algorithms.chat.responses import NoAnswer
from ecr_rl.evaluation.language_judge.forms import Form
from ecr_rl.evaluation.language_judge.models import JudgeAnswer, JudgeModel
from ecr_rl.evaluation.language_judge.result import Usage
from envs.errors import DataError
from envs.files import write_json
from envs.progress import OnStep

Question = tuple[Form, str]
"""A form, and the text that it asks about."""


@dataclass
class Asked:
    """What was asked so far.

    Attributes:
        answers: number of answers, those kept from an earlier call included.
        new: of them those that were asked now.
        read: of them those that could be read.
        prompt_tokens: of all answers that say.
        answer_tokens: the same.
        uncounted: answers of an endpoint that does not say how many tokens it used.
        seconds: that the answers took, those of an earlier call included.
        problems: why there was no answer, and how often.
    """

    answers: int = 0
    new: int = 0
    read: int = 0
    prompt_tokens: int = 0
    answer_tokens: int = 0
    uncounted: int = 0
    seconds: float = 0.0
    problems: Counter[str] = field(default_factory=Counter)

    def add(self, answer: JudgeAnswer, *, new: bool) -> None:
        """Count an answer."""
        self.answers, self.new, self.seconds = self.answers + 1, self.new + new, self.seconds + answer.seconds
        if answer.prompt_tokens is None or answer.answer_tokens is None:
            self.uncounted += 1
        else:
            self.prompt_tokens += answer.prompt_tokens
            self.answer_tokens += answer.answer_tokens
        if answer.problem:
            self.problems[answer.problem] += 1
        else:
            self.read += 1

    def usage(self, price_in: float | None, price_out: float | None) -> Usage:
        """All of it, with its price.

        Args:
            price_in: of a million tokens of questions; None if nobody pays.
            price_out: of a million tokens of answers.
        """
        priced = price_in is not None and price_out is not None
        cost = (self.prompt_tokens * (price_in or 0.0) + self.answer_tokens * (price_out or 0.0)) / 1e6
        return Usage(
            answers=self.answers,
            new=self.new,
            prompt_tokens=self.prompt_tokens,
            answer_tokens=self.answer_tokens,
            uncounted=self.uncounted,
            seconds=self.seconds,
            cost=cost if priced else None,
        )


class Asker:
    """Asks one model, and keeps its answers in a folder under the hash of model version and question."""

    def __init__(self, model: JudgeModel, folder: Path) -> None:
        """Ask ``model``; answers go to and come from ``folder``."""
        self.model, self.asked = model, Asked()
        self._folder = folder

    def ask(self, questions: Sequence[Question], on_step: OnStep) -> list[JudgeAnswer | None]:
        """The answers in the questions' order; None where there is none, or none that can be read.

        Raises:
            ModelError: the model cannot be asked at all; answers that came before are kept.
        """
        answers: list[JudgeAnswer | None] = []
        pool = ThreadPoolExecutor(self.model.at_once)
        try:
            for answer in pool.map(self._answer, questions):
                answers.append(None if answer is None or answer.problem else answer)
                on_step(len(answers), len(questions), {})
        finally:
            pool.shutdown(cancel_futures=True)  # after a failure, what waits would still be asked, and paid
        return answers

    def _answer(self, question: Question) -> JudgeAnswer | None:
        form, body = question
        file = self._folder / self._name(form, body)
        kept = _kept(file)
        if kept is not None:
            self.asked.add(kept, new=False)
            return kept
        try:
            answer = self.model.ask(form, body)
        except NoAnswer as error:
            self.asked.problems[str(error)] += 1
            return None
        write_json(file, answer.to_json())
        self.asked.add(answer, new=True)
        return answer

    def _name(self, form: Form, body: str) -> str:
        digest = hashlib.sha256(json.dumps([self.model.version, form.messages(body)]).encode()).hexdigest()
        return f"{digest[:2]}/{digest}.json"


def _kept(file: Path) -> JudgeAnswer | None:
    """The answer in a file; None if there is none, or the file is damaged and is written anew."""
    try:
        return JudgeAnswer.read(file, remedy="")
    except DataError:
        return None
