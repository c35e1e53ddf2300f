"""Language models that speak for seekers: each is a ``generate`` function for ``envs.seekers.model``.

The sampling noise of a line is a function of (seed, prompt), so on one machine the answer to a prompt does not depend
on the rest of its batch. An endpoint gets the same seed, but may ignore it.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from algorithms.chat.endpoint import ChatEndpoint, check_packages
from algorithms.chat.model import ChatModel
from algorithms.chat.responses import NoAnswer
from algorithms.packaged_models import SMOLLM2, packaged_smollm2
from algorithms.policy.decoding import ConversationDecoder, require_exact_decoding
from algorithms.policy.language_model import max_positions
from envs.corpora.corpus import DEFAULT_CACHE
from envs.files import user_path
from envs.seekers.model import ModelSeeker
from envs.seekers.registry import SeekerInputs
from envs.settings import SeekerModelSettings

log = logging.getLogger(__name__)


def model_seeker(inputs: SeekerInputs) -> ModelSeeker:
    """Build a seeker that speaks in the words of the language model of ``env.seeker_model``.

    Raises:
        ModelError: the model cannot be loaded.
        ConfigError: packages that an endpoint needs are missing.
    """
    speaker, seed = inputs.settings.seeker_model, inputs.seed
    generate = LocalLines(speaker, seed, inputs.cache) if speaker.endpoint is None else EndpointLines(speaker, seed)
    return ModelSeeker(inputs.catalog, inputs.settings.max_turns, generate)


class LocalLines:
    """Lines of a model in this process; a ``Generate``."""

    def __init__(self, settings: SeekerModelSettings, seed: int, cache: Path | None = None) -> None:
        """Load the model.

        Args:
            settings: the model (packaged SmolLM2, a folder or a hub id), and how it samples.
            seed: of the sampling; a line is a function of the seed and the prompt.
            cache: folder of the packaged model, ``~/.cache/ecr-rl`` where None.

        Raises:
            ModelError: the model cannot be loaded.
        """
        source = settings.model
        if source == SMOLLM2:
            source = str(packaged_smollm2(cache or user_path(DEFAULT_CACHE)))
        self._settings, self._seed = settings, seed
        self._chat = ChatModel(source)
        require_exact_decoding(self._chat.model, settings.model)

    def __call__(self, prompts: list[str]) -> list[str]:
        """One line for each prompt; empty if the prompt is too long for the model."""
        lines = [""] * len(prompts)
        tokens = [self._tokens(prompt) for prompt in prompts]
        room = max_positions(self._chat.model) - self._settings.max_new
        rows = [row for row, ids in enumerate(tokens) if len(ids) <= room]
        if len(rows) < len(prompts):
            log.warning("%d prompts of the seeker do not fit into the model's positions", len(prompts) - len(rows))
        for first in range(0, len(rows), self._settings.batch):
            batch = rows[first : first + self._settings.batch]
            written = self._sampled([prompts[row] for row in batch], [tokens[row] for row in batch])
            for row, line in zip(batch, written, strict=True):
                lines[row] = line
        return lines

    def _tokens(self, prompt: str) -> np.ndarray:
        chat = self._chat
        text = chat.write([{"role": "user", "content": prompt}]) if chat.has_template else prompt
        return np.array(chat.tokenizer(text, add_special_tokens=False)["input_ids"], dtype=np.int64)

    def _sampled(self, prompts: Sequence[str], tokens: Sequence[np.ndarray]) -> list[str]:
        settings, tokenizer = self._settings, self._chat.tokenizer
        decoder = ConversationDecoder(self._chat.model, len(prompts))
        noise = [np.random.default_rng(line_seed(self._seed, prompt)).random(settings.max_new) for prompt in prompts]
        replies = decoder.sample(
            decoder.extend(tokens),
            np.stack(noise),
            end=tokenizer.eos_token_id,
            temperature=settings.temperature,
            last=True,
        )
        return self._chat.written(tokens, [reply.tokens for reply in replies])


class EndpointLines:
    """Lines of a model behind an OpenAI-compatible endpoint; a ``Generate``."""

    def __init__(self, settings: SeekerModelSettings, seed: int) -> None:
        """Prepare requests to ``settings.endpoint``; nothing is sent yet.

        Raises:
            ConfigError: the packages of the extra ``openai`` are missing, or the environment holds a key that cannot be
                sent.
        """
        check_packages("a seeker behind env.seeker_model.endpoint")
        self._seed, self._workers = seed, settings.batch
        self._endpoint = ChatEndpoint(
            settings,
            settings.model,
            model_setting="env.seeker_model.model",
            temperature=settings.temperature,
            max_new=settings.max_new,
        )

    def __call__(self, prompts: list[str]) -> list[str]:
        """One line for each prompt; empty if the endpoint gives no answer, and then the reason is logged.

        Raises:
            ModelError: the endpoint refuses the key or does not know the model.
        """
        with ThreadPoolExecutor(self._workers) as pool:
            return list(pool.map(self._line, prompts))

    def _line(self, prompt: str) -> str:
        try:
            return self._endpoint.ask([{"role": "user", "content": prompt}], line_seed(self._seed, prompt))
        except NoAnswer as error:
            log.warning("the seeker's endpoint: %s", error)
            return ""


def line_seed(seed: int, prompt: str) -> int:
    """The seed of a line, a function of seed and prompt alone; 31 bits, since endpoints accept no more."""
    digest = hashlib.sha256(f"{seed}\n{prompt}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1
