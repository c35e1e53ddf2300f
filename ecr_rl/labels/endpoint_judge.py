"""A judge behind any endpoint that speaks OpenAI's protocol."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecr_rl.labels.evidence import Evidence, Labels, no_labels
from ecr_rl.labels.injection import speaks_to_judge
from ecr_rl.labels.prompt import PROMPT_VERSION, EmotionsOf, judge_messages, parse_scores
from ecr_rl.labels.settings import JudgeSettings
from envs.catalog import Catalog
from envs.errors import ConfigError, ModelError
from envs.files import write_json

if TYPE_CHECKING:
    from openai import OpenAI

_LONGEST_WAIT = 60.0
"""Seconds between two attempts, at most."""


class RateLimit:
    """Lets calls pass at an even pace, from any thread."""

    def __init__(
        self,
        per_minute: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """So many calls a minute."""
        self._pause, self._clock, self._sleep = 60.0 / per_minute, clock, sleep
        self._next, self._lock = 0.0, threading.Lock()

    def wait(self) -> None:
        """Return when it is this call's turn."""
        with self._lock:
            now = self._clock()
            turn = max(now, self._next)
            self._next = turn + self._pause
        if turn > now:
            self._sleep(turn - now)


class EndpointJudge:
    """Asks an endpoint for scores; every answer is kept on disk by the content of its question."""

    name = "openai"

    def __init__(
        self, settings: JudgeSettings, catalog: Catalog, cache: Path, emotions: EmotionsOf | None = None
    ) -> None:
        """Judge by an endpoint.

        Args:
            settings: endpoint, model, pace, retries; the key is read from the environment when it is needed.
            catalog: facts of the films.
            cache: folder of answers.
            emotions: reads emotions for the rich context.
        """
        self._settings, self._catalog, self._cache, self._emotions = settings, catalog, cache, emotions
        self._limit = RateLimit(settings.requests_per_minute)
        self.provenance: Mapping[str, object] = {
            "model": settings.model,
            "endpoint": settings.endpoint,
            "prompt": PROMPT_VERSION,
            "context": settings.context.value,
        }

    def judge(self, evidence: Sequence[Evidence]) -> Labels:
        """Score N replies; an answer that cannot be had or read is a problem of its piece.

        Raises:
            ModelError: the endpoint refuses the key or does not know the model.
        """
        labels = no_labels(len(evidence))
        labels.flagged[:] = [speaks_to_judge(piece.exchange.reply) for piece in evidence]
        with ThreadPoolExecutor(self._settings.concurrency) as pool:
            answers = list(pool.map(self._scores, evidence))
        problems = []
        for row, answer in enumerate(answers):
            if isinstance(answer, list):
                labels.values[row, :-1], labels.known[row, :-1] = answer, True
            problems.append(answer if isinstance(answer, str) else "")
        return Labels(labels.values, labels.known, tuple(problems), labels.flagged)

    def _scores(self, piece: Evidence) -> list[float] | str:
        """The five scores of a piece, or what went wrong."""
        messages = judge_messages(piece, self._catalog, self._settings.context, self._emotions)
        file = self._cache / f"{self._key(messages)}.json"
        try:
            text = json.loads(file.read_text(encoding="utf-8"))["answer"]
        except (OSError, ValueError, KeyError):
            try:
                text = self._ask(messages)
            except _Failed as error:
                return str(error)
            write_json(file, {"answer": text, "model": self._settings.model, "prompt": PROMPT_VERSION})
        try:
            return parse_scores(text)
        except ValueError as error:
            return f"unreadable answer: {error}"

    def _ask(self, messages: list[dict[str, str]]) -> str:
        import openai
        from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

        passing = (openai.RateLimitError, openai.InternalServerError, openai.APIConnectionError)  # timeouts, too
        retrying = Retrying(
            retry=retry_if_exception_type(passing),
            stop=stop_after_attempt(self._settings.retries + 1),
            wait=_wait,
            reraise=True,
        )
        try:
            return retrying(self._call, messages)
        except (openai.AuthenticationError, openai.PermissionDeniedError) as error:
            raise ModelError(
                f"{self._settings.endpoint} refuses the key ({error.status_code}). Put one into the environment "
                f"variable {self._settings.api_key_env}"
            ) from None
        except openai.NotFoundError:
            raise ModelError(
                f"{self._settings.endpoint} does not know the model {self._settings.model!r}. Choose another --model"
            ) from None
        except openai.APIStatusError as error:
            raise _Failed(f"the endpoint answered {error.status_code}") from None
        except openai.APIError as error:
            raise _Failed(f"no answer: {type(error).__name__}") from None

    def _call(self, messages: list[dict[str, str]]) -> str:
        self._limit.wait()
        response = self._client.chat.completions.with_raw_response.create(
            model=self._settings.model,
            messages=messages,  # pyright: ignore[reportArgumentType]
            temperature=0.0,
            max_tokens=self._settings.max_new,
        )
        return _content(response.text)

    @cached_property
    def _client(self) -> OpenAI:
        from openai import OpenAI

        return OpenAI(
            base_url=self._settings.endpoint,
            api_key=os.environ.get(self._settings.api_key_env, "none"),
            timeout=self._settings.timeout,
            max_retries=0,
        )

    def _key(self, messages: list[dict[str, str]]) -> str:
        asked = [self._settings.endpoint, self._settings.model, self._settings.max_new, messages]
        digest = hashlib.sha256(json.dumps(asked).encode()).hexdigest()
        return f"{digest[:2]}/{digest}"


class _Failed(Exception):
    """One question without an answer."""


def _content(body: str) -> str:
    """What the model wrote, out of a response's body; a proxy's page or half a body is no answer."""
    try:
        content = json.loads(body)["choices"][0]["message"]["content"]
    except (ValueError, KeyError, IndexError, TypeError):
        raise _Failed("the response is no chat completion") from None
    if not content:
        raise _Failed("an empty answer")
    return str(content)


def _wait(state: Any) -> float:
    """Seconds before the next attempt: what the endpoint asks for, else 1, 2, 4, … with jitter."""
    from tenacity import wait_exponential_jitter

    error = state.outcome.exception()
    asked = getattr(getattr(error, "response", None), "headers", {}).get("retry-after", "")
    if asked.isdigit():
        return min(float(asked), _LONGEST_WAIT)
    return wait_exponential_jitter(multiplier=0.5, max=_LONGEST_WAIT, jitter=0.5)(state)


def check_endpoint(settings: JudgeSettings) -> None:
    """Refuse settings that cannot work, before anything is sent.

    Raises:
        ConfigError: no endpoint or model is named, or the packages are missing.
    """
    if not settings.endpoint or not settings.model:
        raise ConfigError("the openai judge needs --endpoint (such as http://127.0.0.1:8000/v1) and --model")
    try:
        import openai
        import tenacity
    except ImportError as error:
        raise ConfigError(f"the openai judge needs the extra openai: pip install 'ecr-rl[openai]' ({error})") from None
    del openai, tenacity
