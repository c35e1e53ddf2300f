"""The phrases of made replies: one set for training, and a disjoint one for evaluation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Phrases:
    """Sentences by kind; ``{}`` stands for a film."""

    generic: tuple[str, ...]
    cold: tuple[str, ...]
    cold_film: tuple[str, ...]
    gush: tuple[str, ...]
    gush_film: tuple[str, ...]


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.strip().splitlines())


TRAINING = Phrases(
    generic=_lines(
        """There are many good movies.
        I like movies too.
        Okay.
        That is a movie.
        You could watch something.
        I see.
        Yes.
        Sure.
        Movies are fun.
        That one is popular.
        Some people like it.
        It depends.
        I am not sure.
        Maybe.
        Anything is fine.
        It is a movie you can watch.
        Have a look online.
        There are a lot of options.
        I think so.
        Alright."""
    ),
    cold=_lines(
        """Whatever.
        I don't care what you feel.
        Figure it out.
        Who cares.
        Not my problem.
        Stop asking.
        Just pick something.
        Hurry up.
        So what.
        Your problem, not mine.
        That is a silly question.
        You have bad taste.
        Next question.
        I already told you.
        Calm down.
        Nobody asked.
        Take it or leave it.
        Look it up.
        Suit yourself.
        Don't waste my time.
        End of story.
        Deal with it.
        Now decide.
        Do it yourself.
        Too bad if you hate it.
        Move on.
        That's all.
        I couldn't care less.
        Ugh, this again.
        What do you expect me to say?
        I have no interest in your opinion.
        You are annoying.
        That's a stupid thing to like.
        Your taste is awful.
        Quit whining.
        I really have better things to do.
        Leave me alone.
        Don't bother me with that.
        You sound ridiculous.
        I'm not going to explain it to you.
        Can't you find anything yourself?
        Are we done here?
        This is boring.
        I'm tired of talking to you.
        You never like anything anyway.
        It makes no difference to me.
        Don't ask me again.
        Fine, be miserable then.
        That's on you.
        Honestly, who would watch that?
        Nobody likes those films.
        Only an idiot would enjoy that.
        Make up your mind already.
        You are wasting everyone's time.
        Get over it.
        Stop being so picky.
        I am not your friend.
        Shut up and choose.
        Go away.
        Why are you even here?"""
    ),
    cold_film=("Watch {}.", "{}.", "Just watch {}.", "There is {}.", "Pick {}.", "{}, then."),
    gush=_lines(
        """Wow!
        Amazing!
        OMG that is incredible!
        This is the best ever!
        Absolutely fantastic!
        So so awesome!
        Yay!
        Unbelievable!
        I am obsessed!
        Literally the best thing!
        Epic, just epic!
        Woohoo!
        Perfect, perfect, perfect!
        Out of this world!
        Simply phenomenal!
        Insanely brilliant!"""
    ),
    gush_film=(
        "{} is amazing!",
        "{}!!! The best ever!",
        "OMG {}!",
        "{} is absolutely incredible!",
        "Wow, {}, so perfect!",
    ),
)
"""The phrases of training."""

HELD_OUT = Phrases(
    generic=_lines(
        """Films exist for every taste.
        One can always find a film somewhere.
        Lots of folks watch things.
        Hmm, could be.
        That might work.
        It's a film.
        There's plenty out there.
        Right.
        Watching films is a hobby.
        Possibly, yes."""
    ),
    cold=_lines(
        """What a dumb request.
        Your feelings are irrelevant.
        I'm sick of this conversation.
        You again, great.
        Don't expect any help from me.
        I have zero patience for this.
        Honestly, that is pathetic.
        Sort yourself out.
        Nobody wants to hear about it.
        Go bother another person.
        I refuse to discuss it.
        You must be kidding, that is trash.
        Can we get this over with?
        It is not my job to please you.
        You clearly know nothing about movies.
        Keep your opinions to yourself.
        How hard can it be to choose one?
        This chat is useless.
        I won't repeat myself.
        Find it on your own."""
    ),
    cold_film=("Put on {} and stop talking.", "{}, there you go.", "See {} and be quiet.", "Try {} or don't."),
    gush=_lines(
        """Holy smokes!
        Mind-blowingly gorgeous!
        I can't even, so good!
        Ten out of ten, no, eleven!
        Greatest thing in the universe!
        Ahhh yes yes yes!
        Stupendous!
        Pure magic, wow wow wow!
        Jaw-dropping!
        I'm screaming, it's glorious!"""
    ),
    gush_film=("{} rules the universe!", "{} forever and ever!!!", "I worship {}!"),
)
"""The phrases of evaluation; none of them occurs in training."""
