"""Whole numbers from outside, as text."""

from __future__ import annotations


def whole_number(digits: str, most: int) -> int | None:
    """The whole number from 0 to ``most`` that a text's digits say.

    None for anything else: a sign, a superscript, a greater number, or more digits than ``most`` has, which are not
    even read (Python reads 4,300 at most).
    """
    fits = digits.isascii() and digits.isdigit() and len(digits) <= len(str(most)) and int(digits) <= most
    return int(digits) if fits else None
