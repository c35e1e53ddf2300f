"""The critic's pairs: their limit, what is cut, and that any text is taken."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from algorithms.critic.pair_text import BREAK, PAD, START, PairText, context_text, train_tokenizer
from envs.dialogue import Role, Utterance
from envs.heads import Exchange

LINES = ["the seeker wants a scary film tonight", "recommender: how about a comedy instead?"] * 20
TOKENIZER = train_tokenizer(LINES, 300, ["The Conjuring (2013)"])


def pair_text(max_tokens: int = 24) -> PairText:
    start, separator, pad = (TOKENIZER.token_to_id(token) for token in (START, BREAK, PAD))
    return PairText(TOKENIZER, start, separator, pad, max_tokens)  # pyright: ignore[reportArgumentType]


def exchange(context: str, reply: str) -> Exchange:
    return Exchange((Utterance(Role.SEEKER, context),), reply)


def test_the_context_loses_its_oldest_words_first() -> None:
    text = pair_text(16)
    (pair,) = text.encode([exchange("old " * 50 + "scary film tonight", "how about a comedy")])
    assert len(pair.ids) == 16
    assert not pair.cut
    assert "tonight" in TOKENIZER.decode(pair.ids)
    assert TOKENIZER.decode(pair.ids).endswith("how about a comedy")
    assert "seeker" not in TOKENIZER.decode(pair.ids)


def test_a_long_reply_loses_its_end_and_is_flagged() -> None:
    (pair,) = pair_text(16).encode([exchange("scary film", "comedy " * 100)])
    assert pair.cut
    assert sum(pair.segments) == 14  # thirteen words and the closing marker
    assert pair_text(16).encode([exchange("", "comedy")])[0].cut is False


def test_equal_texts_give_equal_tokenizers() -> None:
    """Ties must not be broken at random: the same seed could not give the same critic."""
    lines = [f"word{i} other{i} {i}th film" for i in range(200)] * 2  # many pairs of equal counts
    assert len({train_tokenizer(lines, 400, []).to_str() for _ in range(5)}) == 1


def test_a_familiar_film_is_one_token() -> None:
    (pair,) = pair_text().encode([exchange("", "The Conjuring (2013)")])
    assert TOKENIZER.token_to_id("The Conjuring (2013)") in pair.ids
    assert sum(pair.segments) == 2


def test_padding_is_masked_by_length_not_by_id() -> None:
    text = pair_text()
    batch = text.collate(text.encode([exchange("", "[PAD] film"), exchange("scary film", "a longer comedy tonight")]))
    assert batch.mask.sum(1).tolist() == [len(pair.ids) for pair in text.encode([exchange("", "[PAD] film")])] + [
        batch.ids.shape[1]
    ]
    assert (batch.segments * (1 - batch.mask)).sum() == 0


def test_the_newest_characters_of_a_context_are_read() -> None:
    turns = [Utterance(Role.SEEKER, "a" * 50), Utterance(Role.RECOMMENDER, "b" * 50)]
    assert context_text(turns, 1000) == "seeker: " + "a" * 50 + " recommender: " + "b" * 50
    assert context_text(turns, 20) == "b" * 20
    assert context_text([], 20) == ""


ANY_TEXT = st.text(alphabet=st.characters(), max_size=300)  # lone surrogates too


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(ANY_TEXT, ANY_TEXT), min_size=1, max_size=4), st.integers(4, 40))
def test_no_pair_passes_the_limit(texts: list[tuple[str, str]], limit: int) -> None:
    text = pair_text(limit)
    pairs = text.encode([exchange(context, reply) for context, reply in texts])
    for pair in pairs:
        assert len(pair.ids) <= limit
        assert len(pair.ids) == len(pair.segments)
        assert pair.segments == sorted(pair.segments)
        assert max(pair.ids) < TOKENIZER.get_vocab_size()
    assert text.collate(pairs).ids.shape == (len(pairs), max(len(pair.ids) for pair in pairs))
