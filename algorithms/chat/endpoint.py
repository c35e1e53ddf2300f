"""A chat model behind any OpenAI-compatible endpoint: request rate, retries, and unusable answers."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from envs.errors import ConfigError, ModelError
from envs.settings import EndpointSettings

if TYPE_CHECKING:
    from openai import OpenAI

_LONGEST_WAIT = 60.0
"""The most seconds between two attempts."""
Messages = list[dict[str, str]]
"""A chat: ``role`` and ``content`` of each message."""


class NoAnswer(Exception):
    """The endpoint gave no answer to a request; the message says why."""


class RateLimit:
    """Lets calls pass at an even pace, from any thread."""

    def __init__(
        self,
        per_minute: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Allow this many calls a minute."""
        self._pause, self._clock, self._sleep = 60.0 / per_minute, clock, sleep
        self._next, self._lock = 0.0, threading.Lock()

    def wait(self) -> None:
        """Block until this call may start."""
        with self._lock:
            now = self._clock()
            turn = max(now, self._next)
            self._next = turn + self._pause
        if turn > now:
            self._sleep(turn - now)


class ChatEndpoint:
    """Asks a model behind an endpoint, from any thread."""

    def __init__(
        self, settings: EndpointSettings, model: str, *, model_setting: str, temperature: float, max_new: int
    ) -> None:
        """Prepare requests; nothing is sent yet.

        Args:
            settings: address, key, pace and retries; the key is read from the environment when it is needed.
            model: the model's name at the endpoint.
            model_setting: the setting that names the model, for error messages.
            temperature: of its sampling.
            max_new: tokens of an answer at most.
        """
        self._settings, self._model, self._model_setting = settings, model, model_setting
        self._temperature, self._max_new = temperature, max_new
        self._limit = RateLimit(settings.requests_per_minute)

    def ask(self, messages: Messages, seed: int | None = None) -> str:
        """Ask the model for its answer to a chat; ``seed`` is sent along, and an endpoint may ignore it.

        Raises:
            NoAnswer: the endpoint gave no answer.
            ModelError: the endpoint refuses the key or does not know the model.
        """
        import openai
        from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

        settings = self._settings
        passing = (openai.RateLimitError, openai.InternalServerError, openai.APIConnectionError)  # timeouts, too
        retrying = Retrying(
            retry=retry_if_exception_type(passing),
            stop=stop_after_attempt(settings.retries + 1),
            wait=_wait,
            reraise=True,
        )
        try:
            return retrying(self._call, messages, seed)
        except (openai.AuthenticationError, openai.PermissionDeniedError) as error:
            raise ModelError(
                f"{settings.endpoint} refuses the key ({error.status_code}). Put one into the environment "
                f"variable {settings.api_key_env}"
            ) from None
        except openai.NotFoundError:
            raise ModelError(
                f"{settings.endpoint} does not know the model {self._model!r}. Choose another {self._model_setting}"
            ) from None
        except openai.APIStatusError as error:
            raise NoAnswer(f"the endpoint answered {error.status_code}") from None
        except openai.APIError as error:
            raise NoAnswer(f"no answer: {type(error).__name__}") from None

    def _call(self, messages: Messages, seed: int | None) -> str:
        import openai

        self._limit.wait()
        response = self._client.chat.completions.with_raw_response.create(
            model=self._model,
            messages=messages,  # pyright: ignore[reportArgumentType]
            temperature=self._temperature,
            max_tokens=self._max_new,
            seed=openai.omit if seed is None else seed,
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


def check_packages(who: str) -> None:
    """Check that the packages of the extra ``openai`` are installed; ``who`` names what needs them.

    Raises:
        ConfigError: they are missing.
    """
    try:
        import openai
        import tenacity
    except ImportError as error:
        raise ConfigError(f"{who} needs the extra openai: pip install 'ecr-rl[openai]' ({error})") from None
    del openai, tenacity


def _content(body: str) -> str:
    """The model's text in a response's body; a proxy's error page or an incomplete body counts as no answer."""
    try:
        content = json.loads(body)["choices"][0]["message"]["content"]
    except (ValueError, KeyError, IndexError, TypeError):
        raise NoAnswer("the response is no chat completion") from None
    if not content:
        raise NoAnswer("an empty answer")
    return str(content)


def _wait(state: Any) -> float:
    """Seconds before the next attempt: those that the endpoint asks for, else 1, 2, 4, … with jitter."""
    from tenacity import wait_exponential_jitter

    error = state.outcome.exception()
    asked = getattr(getattr(error, "response", None), "headers", {}).get("retry-after", "")
    if asked.isdigit():
        return min(float(asked), _LONGEST_WAIT)
    return wait_exponential_jitter(multiplier=0.5, max=_LONGEST_WAIT, jitter=0.5)(state)
