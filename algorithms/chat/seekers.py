"""All seekers by name: those of the world, and the one that a language model speaks for.

Importing this loads no model and no torch.
"""

from __future__ import annotations

from envs.seekers.registry import SEEKERS as WORLD_SEEKERS

SEEKERS = WORLD_SEEKERS.extended({"model": "algorithms.chat.seeker_models:model_seeker"})
"""What a run may name as its seeker."""
