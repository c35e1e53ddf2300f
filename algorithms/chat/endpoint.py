"""A chat model behind any OpenAI-compatible endpoint: key and address, request rate, retries."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.request import getproxies

from algorithms.chat.responses import NoAnswer, TokenCounts, completion_text, endpoint_words, token_counts
from envs.errors import ConfigError, ModelError
from envs.inputs.hosts import names_server
from envs.inputs.text import on_one_line, whole
from envs.settings import EndpointSettings, EnvSettings

if TYPE_CHECKING:
    import openai
    from openai import OpenAI

_LONGEST_WAIT = 60.0
"""The most seconds between two attempts."""
_NO_KEY = "none"
"""Sent as the key where there is none: a server on this machine asks for none."""
_SENT_ALONG = ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_CUSTOM_HEADERS")
"""Environment variables that the client sends as headers."""
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""Environment variables that say where certificates lie."""
Messages = list[dict[str, str]]
"""A chat: ``role`` and ``content`` of each message."""


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
            settings: address, key, pace and retries; the key is read from the environment.
            model: the model's name at the endpoint.
            model_setting: the setting that names the model, for error messages.
            temperature: of its sampling.
            max_new: tokens of an answer at most.

        Raises:
            ConfigError: the environment holds a key that cannot be sent.
        """
        self._settings, self._model, self._model_setting = settings, model, model_setting
        self._temperature, self._max_new = temperature, max_new
        self._limit, self._key = RateLimit(settings.requests_per_minute), check_key(settings.api_key_env)

    def ask(self, messages: Messages, seed: int | None = None) -> str:
        """Ask the model for its answer to a chat; ``seed`` is sent along, and an endpoint may ignore it.

        Raises:
            NoAnswer: the endpoint gave no answer.
            ModelError: the endpoint refuses the key or does not know the model.
        """
        return self.ask_counted(messages, seed)[0]

    def ask_counted(self, messages: Messages, seed: int | None = None) -> tuple[str, TokenCounts | None]:
        """``ask``, with the tokens that the endpoint says were used; None where it does not say."""
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
        except openai.APIStatusError as error:
            raise self._refusal(error) from None
        except openai.OpenAIError as error:
            because = f" ({on_one_line(str(error.__cause__))})" if error.__cause__ is not None else ""
            raise NoAnswer(f"no answer: {type(error).__name__}{because}") from None
        except UnicodeError as error:  # of a redirect, since the endpoint's own address and proxies are checked
            raise NoAnswer(f"no answer: the endpoint leads to an address that is none ({error})") from None

    def _refusal(self, error: openai.APIStatusError) -> Exception:
        """What an answer with another status than 200 comes to, in one line with the endpoint's own words."""
        settings, status = self._settings, error.status_code
        words = endpoint_words(error.response.text)
        if self._key != _NO_KEY:
            words = words.replace(self._key, "…")
        said = f": {words}" if words else ""
        if status in (401, 403):
            return ModelError(
                f"{settings.endpoint} refuses the key ({status}{said}). Put one into the environment variable "
                f"{settings.api_key_env}"
            )
        if status == 404 and "model" in words.lower():
            return ModelError(
                f"{settings.endpoint} does not know the model {self._model!r} ({status}{said}). Choose another "
                f"{self._model_setting}"
            )
        if status in (404, 405):
            return ModelError(self._nothing_there(f"{status}{said}"))
        return NoAnswer(f"the endpoint answered {status}{said}")

    def _nothing_there(self, answered: str) -> str:
        address = str(self._settings.endpoint)
        asked = f"{address.rstrip('/')}/chat/completions"
        if not address.rstrip("/").endswith("/v1"):
            return f"no chat completions at {asked} ({answered}). The endpoint's base URL usually ends in /v1"
        return (
            f"no chat completions at {asked}, or no model {self._model!r} ({answered}). Check the endpoint's base URL "
            f"and {self._model_setting}"
        )

    def _call(self, messages: Messages, seed: int | None) -> tuple[str, TokenCounts | None]:
        import openai

        self._limit.wait()
        response = self._client.chat.completions.with_raw_response.create(
            model=self._model,
            messages=[{name: whole(text) for name, text in message.items()} for message in messages],  # pyright: ignore[reportArgumentType]
            temperature=self._temperature,
            max_tokens=self._max_new,
            seed=openai.omit if seed is None else seed,
        )
        return completion_text(response.text), token_counts(response.text)

    @cached_property
    def _client(self) -> OpenAI:
        from openai import DefaultHttpxClient, OpenAI

        settings = self._settings
        _check_proxies()
        try:
            return OpenAI(
                base_url=settings.endpoint,
                api_key=self._key,
                timeout=settings.timeout,
                max_retries=0,
                http_client=DefaultHttpxClient(event_hooks={"response": [_take_as_utf8]}),
            )
        except OSError as error:
            names = [f"{name}={os.environ[name]}" for name in _CERTIFICATES if os.environ.get(name)]
            place = " and ".join(names) or "this machine's certificates"
            raise ConfigError(
                f"no certificates can be read from {place} ({on_one_line(str(error))}). Name a PEM file, or unset it"
            ) from error
        except (ValueError, ImportError) as error:  # of a proxy that the environment names
            raise ConfigError(f"{settings.endpoint} cannot be called: {on_one_line(str(error))}") from error


def _take_as_utf8(response: Any) -> None:
    """Decode a response as JSON is (RFC 8259), whatever encoding its header claims."""
    response.encoding = "utf-8"


def _check_proxies() -> None:
    """Refuse a proxy of the environment that nothing can reach; ConfigError names its variable."""
    for scheme, proxy in getproxies().items():
        if scheme not in ("http", "https", "all"):
            continue
        try:
            named = names_server(proxy if "://" in proxy else f"http://{proxy}")
        except ValueError:
            named = False
        if not named:
            raise ConfigError(
                f"the environment variable {scheme.upper()}_PROXY (or {scheme}_proxy) names no server. Write "
                "http://HOST:PORT, or unset it"
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


def check_speaker(settings: EnvSettings) -> None:
    """Check what a seeker behind an endpoint needs, before anything is trained for it; nothing is sent.

    Raises:
        ConfigError: the packages of the extra ``openai`` are missing, or the environment holds no usable key.
    """
    if settings.seeker == "model" and settings.seeker_model.endpoint is not None:
        check_packages("a seeker behind env.seeker_model.endpoint")
        check_key(settings.seeker_model.api_key_env)


def check_key(variable: str) -> str:
    """The key that an environment variable holds, without blanks around it; "none" if it is not set.

    Raises:
        ConfigError: it is set and empty, or holds what no header can carry; the key itself is not shown.
    """
    for name in _SENT_ALONG:
        if not os.environ.get(name, "").isascii():
            raise ConfigError(f"the environment variable {name} holds a character that is not ASCII. Type it anew")
    if variable not in os.environ:
        return _NO_KEY
    key = os.environ[variable].strip()
    if not key:
        raise ConfigError(
            f"the environment variable {variable} is empty. Put the endpoint's key into it, or unset it for an "
            "endpoint without one"
        )
    wrong = next((index for index, letter in enumerate(key, 1) if not "!" <= letter <= "~"), None)
    if wrong is not None:
        raise ConfigError(
            f"the environment variable {variable} holds no key: its character {wrong} is a blank, a line's end or not "
            "ASCII, such as a curly quote. Type the key anew"
        )
    return key


def _wait(state: Any) -> float:
    """Seconds before the next attempt: those that the endpoint asks for, else 1, 2, 4, … with jitter."""
    from tenacity import wait_exponential_jitter

    error = state.outcome.exception()
    asked = getattr(getattr(error, "response", None), "headers", {}).get("retry-after", "")
    if asked.isdecimal():
        return min(float(asked), _LONGEST_WAIT)
    return wait_exponential_jitter(multiplier=0.5, max=_LONGEST_WAIT, jitter=0.5)(state)
