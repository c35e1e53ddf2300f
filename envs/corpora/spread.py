"""Choose some of many so that they are spread evenly: a corpus lies in the order of time, and tastes change with it.

The first 300 test dialogues of ReDial are those of a few days; one film that was new then decides what they show.
"""

from __future__ import annotations


def evenly_spread(available: int, count: int) -> list[int]:
    """The indices of ``count`` out of ``available``: ``available * k // count`` for k = 0, 1, ... ``count`` - 1.

    All of them where there are no more than ``count``; none where ``count`` is 0. They rise, and none comes twice.
    """
    chosen = min(count, available)
    return [available * k // chosen for k in range(chosen)]
