"""The words and phrases that the rubric looks for, written for this project.

All phrases are lower case and match whole words. Film titles are removed from a text before the search.
"""

from __future__ import annotations

import re

from envs.film_text.words import phrases, words

WORD = re.compile(r"[a-z0-9]+(?:['\u2019-][a-z0-9]+)*")
"""A word of a lower-case text; ``sci-fi`` and ``don't`` are one word each."""


ACKNOWLEDGEMENT = phrases(
    """i understand|i get it|i get that|i see|i hear you|makes sense|sorry to hear|i'm sorry|i am sorry|so sorry
    |sorry about|sounds like|that sounds|sounds good|sounds great|sounds fun|sounds rough|sounds tough
    |sounds hard|glad to hear|happy to hear|good to hear|great to hear|no worries|no problem|of course
    |good choice|great choice|nice choice|good pick|great pick|good taste|great taste|i agree|me too|same here
    |i know how|i know what you mean|i feel you|i can imagine|i bet|fair enough|take care|you deserve|been there
    |happens to|good one|great one|good call|that must|must be|i hope|hope that|hope you|hope this|hope it
    |hang in there|congratulations|congrats|good for you|i appreciate|can relate|totally get
    |completely understand|exactly what you need|for a day like|after a day like|tough day|rough day|long day
    |hard day|rough week|long week|for your mood|cheer you up|lift your spirits|take your mind off|feel better
    |i love that too|no pressure|in the right place|here for you|thanks for telling|thank you for telling
    |thanks for being honest|forgive me|my mistake|love that too|like that too|i get you|taste is personal
    |suits you|made my day|makes me smile|makes me happy|make you smile|makes you smile|does you good
    |better days|be kind to yourself|it's okay to|poor you|oh dear|oh no|that helps me|i love it too
    |i loved it too|i liked it too|i liked that too"""
)
"""Phrases that show the seeker was heard."""

WARMTH = phrases(
    """please|thanks|thank you|welcome|enjoy|happy to|glad|gladly|love to|hope|lovely|wonderful|my pleasure
    |pleasure|nice|great day|great night|great evening|good night|good day|good evening|nice day|nice evening
    |great weekend|hi|hello|hey|haha|lol|friend|together|help|cozy|comforting|gentle|warm|cheers|bye|goodbye
    |good luck|have fun|good time|great time|good morning|nice to meet|delighted|kind of you|sweet"""
)
"""Courtesy and warmth."""

COLDNESS = phrases(
    """whatever|i don't care|don't care|not my problem|your problem|figure it out|who cares|hurry up
    |take it or leave it|stop asking|do it yourself|look it up|waste my time|wasting my time|don't bother
    |not interested|leave me alone|just pick|just watch|just decide|make up your mind|that's all|that is all
    |end of story|suit yourself|deal with it|bad taste|terrible taste|awful taste|boring question|silly question
    |stupid|next question|i already told you|already said|not worth|can't be bothered|couldn't care less
    |doesn't matter to me|nobody asked|move on|get on with it|what do you want|be quick|pick one|too bad
    |tough luck|so what|calm down|stop complaining|don't be dramatic|make it quick|keep it short|in a hurry
    |all day|get over|no small talk|no patience|little patience|don't tell me|makes no difference|get used to it
    |moving on|i did not ask|i didn't ask|really care|be done|we are done|changes nothing|only a mood
    |just a mood|hard to please|won't cry|your loss|so picky|so difficult|complain|tells me nothing|alone
    |leave me|if you must|if you say so|let's be quick|nothing new|how boring|just go|go away|other things to do
    |no interest in your|you are annoying|you're annoying|stupid|dumb|idiot|ridiculous|pathetic|quit whining|whining
    |better things to do|bother me|not going to explain|find anything yourself|are we done|this is boring
    |tired of talking|never like anything|don't ask me|be miserable|that's on you|who would watch|only an idiot
    |everyone's time|get over it|being so picky|not your friend|shut up|why are you even|ugh|irrelevant|sick of this
    |trash|useless|be quiet|stop talking|on your own|sort yourself|zero patience|not my job|refuse to
    |something else to do|long enough|ask someone else|don't come back|don't ask me|over with|no more time
    |i don't mind|nothing more to say|no more questions|big surprise|everybody knows that|you again
    |why do you ask|your whole life|took you|anyone can|anybody can|not important|nobody listens|drama|who asked"""
)
"""Dismissal and impatience."""

GUSH = phrases(
    """amazing|awesome|incredible|unbelievable|wow|omg|oh my god|oh my gosh|best ever|the best|so so|mind blowing
    |insanely|absolutely|super duper|yay|woohoo|epic|fantastic|phenomenal|magnificent|spectacular|breathtaking
    |perfect|perfection|brilliant|legendary|stunning|marvelous|sensational|obsessed|literally the|ever ever
    |crazy good|out of this world"""
)
"""Superlatives that say nothing about the film."""

INVITATION = phrases(
    """let me know|tell me|feel free|would you like|do you want|want to|shall we|shall i|should i|how about
    |what about|have you seen|have you watched|have you heard|have you tried|did you like|what do you think
    |what kind|what type|what sort|which one|any favorite|any favourite|maybe you|you might|you may|you should
    |if you like|if you want|if you're up for|up for|in the mood|interested in|could try|give it a try
    |give it a go|check it out|curious|would love to hear|happy to find|anything else|i can suggest|another one
    |more ideas|keep going"""
)
"""Invitations to the seeker to continue."""

TASTE_QUESTION = phrases(
    """kind|kinds|type|types|sort|genre|genres|mood|like|likes|favorite|favourite|favorites|favourites|prefer
    |looking for|into|enjoy|enjoyed|seen|watched|feel like|in mind|actor|actress|director|era|recently|lately
    |interested|interests|love|liked|loved|want"""
)
"""Words that show that a question is about tastes."""

FAREWELL = phrases(
    """bye|goodbye|good bye|thanks|thank you|have a good|have a great|have a nice|take care|see you|that's all
    |that is all|i'll watch|i will watch|i'll check|i will check|i'll try|i will try|i'll give it|sounds perfect"""
)
"""Phrases with which a seeker says goodbye."""

MOOD = phrases(
    """sad|upset|depressed|lonely|heartbroken|stressed|stressful|anxious|nervous|worried|tired|exhausted|worn out
    |drained|angry|mad|furious|frustrated|annoyed|bored|sick|ill|scared|grieving|homesick|rough day|bad day
    |long day|hard day|tough day|awful day|rough week|bad week|long week|hard week|tough week|broke up|break up
    |breakup|lost my|happy|excited|thrilled|cheerful|celebrating|nostalgic|romantic|relaxed|playful|hopeful
    |curious|restless|overwhelmed|gloomy|melancholy|feeling"""
)
"""Words in which a seeker states a mood."""

STOP_WORDS = words(
    """a about actually after again all also always am an and another any anything are aren't around as at back be
    because been before being best better big both but by can can't could did didn't do does doesn't doing don't
    done down each else enough even ever every everything few film films find first for from fun get give go
    going gone good got great guess had has have haven't having he hear heard help her here hers him his how i
    i'd i'll i'm i've if in into is isn't it it's its just keep kind know last let let's like liked little ll
    long look looking lot lots love loved made make many may maybe me mean might mine more most movie movies
    much must my need never new next nice no nor not nothing now of off oh ok okay on once one ones only or
    other our out over own perhaps please pretty probably quite rather re really right same saw say see seem
    seems seen sent shall she should since so some someone something sort soon still such suggest sure take talk
    tell than thank thanks that that's the their them then there there's these they they're thing things think
    this those though thought time to today together told too tried try two type until up us use ve very want
    wanted was wasn't watch watched watching way we we'll we're well went were what what's when where which
    while who whole why will wish with without won't would wouldn't yeah yep yes yet you you'd you'll you're
    you've your yours hi hello hey bye recommend recommendation recommended suggestion enjoy hope welcome glad
    feel feeling"""
)
"""Words that carry no content of their own."""
