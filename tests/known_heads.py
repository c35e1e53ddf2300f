"""The built-in heads, as tests name them."""

from envs.builtin_heads import HEADS as _REGISTRY
from envs.builtin_heads import heads_of

HEADS = tuple(_REGISTRY.names())
DEFINITIONS = heads_of(HEADS)
JUDGED = tuple(head.name for head in DEFINITIONS if head.judged)
