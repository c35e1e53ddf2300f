"""How whole a reply is: repeated words, an end without a stop, an end in the middle of a sentence."""

from __future__ import annotations

from itertools import pairwise

from envs.film_text.words import WORD, repeated_share, words

_DANGLING = words(
    """a an the of to and with but or is it's are was were in on at for from by about as that than if because have
    has had do does did will would can could should may might i you we they he she my your his her its our their
    some any this these those very so really not no i'm you're i'd i'll that's there's also just more into like
    who which what where when how starring called named"""
)
"""Words that a finished sentence seldom ends with."""
_ENDS, _STOPS = tuple(".?!)\u2026:;\"'"), tuple(".?!)")


def fluency(reply: str, cut: bool = False) -> float:
    """How whole a reply is, in [0, 1]; 0 without words.

    ``1 - share of repeated bigrams``, times .5 where the reply is known to be cut. Else times .85 where it ends on a
    word that ends no sentence, and .95 where it ends without a stop.
    """
    said = WORD.findall(reply.lower().replace("\u2019", "'"))
    if not said:
        return 0.0
    whole = 1.0 - repeated_share(list(pairwise(said)))
    text = reply.rstrip()
    if cut:
        return 0.5 * whole
    open_end = 1.0 if text.endswith(_ENDS) else 0.95
    dangling = 0.85 if said[-1] in _DANGLING and not text.endswith(_STOPS) else 1.0
    return whole * open_end * dangling
