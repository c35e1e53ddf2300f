"""All seekers by name: those of ``envs``, and the one that speaks in a language model's words.

Importing this loads no model and no torch.
"""

from __future__ import annotations

from envs.seekers.registry import SEEKERS as WORLD_SEEKERS

SEEKERS = WORLD_SEEKERS.extended({"model": "algorithms.chat.seeker_models:model_seeker"})
"""The seekers that a run may name."""
