"""How torch works in the process that leads a run."""

from __future__ import annotations


def prepare_torch(threads: int) -> None:
    """Bound torch's threads (two processes of all cores each slow each other down many times); no bars but ours."""
    import torch
    from transformers.utils import logging as transformers_logging

    torch.set_num_threads(threads)
    transformers_logging.disable_progress_bar()
