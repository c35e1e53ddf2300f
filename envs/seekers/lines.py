"""What a profile seeker says, by act, and how it shows that it feels one of ECR's nine emotions.

``{film}`` is a film that the recommender has just named, ``{tastes}`` and ``{dislikes}`` are genres, ``{people}`` are
names, ``{mood}`` is one word, ``{genre}`` the genre that a film is turned down for.
"""

from __future__ import annotations

from enum import StrEnum, auto


class Act(StrEnum):
    """What a profile seeker does with a turn."""

    GREET = auto()
    SMALL_TALK = auto()
    MOOD = auto()
    TASTES = auto()
    DISLIKES = auto()
    PEOPLE = auto()
    OPEN = auto()
    NUDGE = auto()
    ACCEPT = auto()
    ACCEPT_AGAIN = auto()
    SEEN = auto()
    REPEATED = auto()
    REJECT = auto()
    REJECT_GENRE = auto()
    ASK = auto()
    DECLINE = auto()
    DECLINE_TASTES = auto()
    DECLINE_TOLD = auto()
    GOODBYE = auto()
    LEAVE = auto()


LINES: dict[Act, tuple[str, ...]] = {
    Act.GREET: (
        "Hi there!",
        "Hello, thanks for having me.",
        "Hey, good to meet you.",
        "Hello! I hope you can help me.",
        "Hi, I am after a film for tonight.",
        "Good evening!",
        "Hey there, I need a bit of help with a movie.",
        "Hello, I would like a recommendation, please.",
        "Hi! I have a free evening and no film yet.",
    ),
    Act.SMALL_TALK: (
        "I'm doing well, thanks for asking.",
        "Pretty good, thank you!",
        "Not bad at all, how kind of you to ask.",
        "I'm fine, thanks, and I hope you are too.",
        "All good here, thank you.",
        "It has been a long day, but I'm alright.",
        "Doing great, thanks!",
        "I can't complain, thanks for asking.",
    ),
    Act.MOOD: (
        "I feel rather {mood} today.",
        "My mood is {mood} tonight.",
        "Honestly, I'm feeling {mood}.",
        "I'm a little {mood} right now.",
        "It's one of those days when I feel {mood}.",
        "I've been feeling {mood} all day.",
        "I came home {mood} tonight.",
        "My week has left me {mood}.",
    ),
    Act.TASTES: (
        "I like {tastes} the most.",
        "I usually go for {tastes}.",
        "Something with {tastes} would be great.",
        "I'm a big fan of {tastes}.",
        "{tastes} would suit me well, I think.",
        "Most of what I enjoy is {tastes}.",
        "I could watch {tastes} every night.",
        "I'm in the mood for {tastes}.",
        "Give me {tastes} and I'm happy.",
    ),
    Act.DISLIKES: (
        "I don't really enjoy {dislikes}.",
        "Please, no {dislikes}.",
        "I can do without {dislikes}.",
        "{dislikes} is not my thing.",
        "I try to stay away from {dislikes}.",
        "I never got into {dislikes}.",
        "Anything but {dislikes}.",
        "I would rather skip {dislikes}.",
    ),
    Act.PEOPLE: (
        "I like films with {people}.",
        "Something with {people} would be great.",
        "I have seen a lot with {people} and enjoyed it.",
        "I'm fond of what {people} made.",
        "My favourite films have {people} in them or behind them.",
        "Give me something by or with {people}.",
        "{people} never let me down.",
        "I follow the work of {people}.",
    ),
    Act.OPEN: (
        "I'm open to anything, really.",
        "I watch all kinds of films.",
        "I don't have a favourite kind, surprise me.",
        "Anything good will do.",
        "I'm not picky at all.",
        "Any kind is fine with me.",
        "I like a bit of everything.",
        "No preference, I just want a good story.",
    ),
    Act.NUDGE: (
        "Do you have a film in mind for me?",
        "What would you suggest?",
        "Can you name one that I should watch?",
        "So which movie do you recommend?",
        "I was hoping for a suggestion.",
        "Could you recommend something?",
        "Is there a title you can think of?",
        "Alright, and what should I watch?",
    ),
    Act.ACCEPT: (
        "I haven't seen {film} yet, and it sounds perfect.",
        "{film} sounds great, I'll watch it tonight!",
        "Oh, I have wanted to see {film}. I'll go with that.",
        "I think {film} is just what I was looking for.",
        "Great idea, {film} it is.",
        "I'm going to watch {film}, that's a good pick.",
        "That's the one! I'll give {film} a try.",
        "You convinced me, I'll watch {film}.",
        "{film} is new to me, but I'd love to see it.",
    ),
    Act.ACCEPT_AGAIN: (
        "I loved {film}! I could watch it again tonight.",
        "{film} is one of my favourites, and it has been a while. I'll watch it once more.",
        "I've seen {film}, and I'd gladly see it again. That's my film for tonight.",
        "{film}, of course! I'll put it on again.",
        "I have watched {film} before and liked it a lot. Tonight I'll do so again.",
        "You named one that I really enjoy. {film} it is, one more time.",
        "I liked {film} a lot when I saw it, and I'd like to see it again.",
        "It would be lovely to see {film} again, so I will.",
    ),
    Act.SEEN: (
        "I've already seen {film}. What else do you have?",
        "I watched {film} before. Another one, please?",
        "{film} is one I know already. Any other idea?",
        "Seen it! Is there something besides {film}?",
        "I saw {film} a while ago. Could you name a different one?",
        "I know {film}, it was okay. What else?",
        "{film} I have seen. Maybe something I haven't?",
        "Already watched {film}, sorry. Something else?",
    ),
    Act.REPEATED: (
        "We already talked about {film}. Do you have another one?",
        "{film} came up before. What else is there?",
        "You are back at {film}! Something different, please.",
        "We had {film} already. Any other film?",
        "I remember {film} from a moment ago. Another suggestion?",
        "Didn't we just discuss {film}? I'd like a new idea.",
        "{film} again? Let's try another.",
        "As for {film}, that one was named already. What else?",
    ),
    Act.REJECT: (
        "I didn't care for {film}, sorry. Something else?",
        "{film} is not for me, it left me cold. What else do you have?",
        "I'm afraid I don't like {film}.",
        "Hmm, {film} never appealed to me. Another idea?",
        "I'd rather not watch {film}, I find it dull. Any other film?",
        "No, {film} isn't one I would enjoy.",
        "People keep telling me about {film}, but I don't like it.",
        "Thanks, but I couldn't get into {film}.",
    ),
    Act.REJECT_GENRE: (
        "Isn't {film} {genre}? I don't enjoy that.",
        "I'd skip {film}, {genre} is not my thing.",
        "{film} is {genre}, and that puts me off.",
        "Sorry, I don't watch {genre}, so {film} is out.",
        "I'm not a fan of {genre}, so no {film} for me.",
        "{film}? That's too much {genre} for my taste.",
        "I try to avoid {genre}, and {film} is just that.",
        "Since {film} is {genre}, I'll pass. What else?",
    ),
    Act.ASK: (
        "I haven't heard of {film}. What is it about?",
        "What happens in {film}?",
        "{film} is new to me. Can you tell me more?",
        "Who is in {film}, and what's the story?",
        "I don't know {film}. Why would I like it?",
        "Is {film} any good? What's it about?",
        "Tell me a bit about {film}, please.",
        "I've never seen {film}. What kind of movie is it?",
        "What makes {film} worth watching?",
    ),
    Act.DECLINE: (
        "Thanks, but {film} doesn't sound like my kind of film.",
        "I don't think {film} is for me. What else comes to mind?",
        "{film} doesn't quite fit tonight. Another one?",
        "I'm not sure about {film}, maybe something else?",
        "Hmm, I'll keep {film} for another day. Any other suggestion?",
        "I would rather see something other than {film}.",
        "Not {film}, thank you. Could you try again?",
        "I appreciate it, but I'll pass on {film}.",
    ),
    Act.DECLINE_TASTES: (
        "I'm after {tastes}, and {film} isn't that.",
        "{film} is not quite {tastes}. What else do you have?",
        "I'd rather have {tastes} than {film}.",
        "Not {film}, please, I was hoping for {tastes}.",
        "I was thinking of {tastes}, so I'll pass on {film}.",
        "{film} doesn't sound like {tastes} to me.",
        "I don't think that {film} is what I want, since I like {tastes}.",
        "I would skip {film}, because I want {tastes}.",
    ),
    Act.DECLINE_TOLD: (
        "Now that I know more about {film}, it's not for me.",
        "I see what {film} is about, and I'd like something else.",
        "That helps, but {film} is not what I had in mind.",
        "I can picture {film} now, and I'd rather watch something else.",
        "You explained {film} well, but it doesn't draw me in.",
        "From what you say, {film} is not my film for tonight.",
        "I understand, but the story of {film} leaves me cold. Another idea?",
        "That tells me enough about {film}. What else is there?",
    ),
    Act.GOODBYE: (
        "Thank you so much, goodbye!",
        "Thanks for your help, bye!",
        "You have been a great help. Have a nice evening!",
        "Thanks a lot, take care!",
        "Thank you, and good night!",
        "I appreciate your time. Bye bye!",
        "Thanks, that was kind of you. See you!",
        "Many thanks, enjoy your day!",
    ),
    Act.LEAVE: (
        "I think I'll look for a film elsewhere. Bye.",
        "This is not getting anywhere, sorry. Goodbye.",
        "I have to go now. Thanks anyway.",
        "Never mind, I'll find something myself. Bye.",
        "Let's leave it here, goodbye.",
        "I'm going to stop here. Have a good one.",
        "Okay, maybe another time. Bye!",
        "I'd better get going. Goodbye.",
    ),
}
"""At least eight sentences for every act."""


EMOTIONS: dict[Act, tuple[str, ...]] = {
    Act.GREET: ("happy", "neutral"),
    Act.SMALL_TALK: ("grateful", "neutral"),
    Act.MOOD: ("neutral",),
    Act.TASTES: ("like", "neutral"),
    Act.DISLIKES: ("negative",),
    Act.PEOPLE: ("like", "neutral"),
    Act.OPEN: ("neutral",),
    Act.NUDGE: ("curious", "neutral"),
    Act.ACCEPT: ("happy", "like", "agreement", "surprise"),
    Act.ACCEPT_AGAIN: ("nostalgia", "like", "happy"),
    Act.SEEN: ("neutral", "nostalgia"),
    Act.REPEATED: ("negative", "surprise"),
    Act.REJECT: ("negative",),
    Act.REJECT_GENRE: ("negative", "surprise"),
    Act.ASK: ("curious", "surprise", "agreement"),
    Act.DECLINE: ("neutral", "grateful"),
    Act.DECLINE_TASTES: ("negative", "neutral"),
    Act.DECLINE_TOLD: ("grateful", "negative"),
    Act.GOODBYE: ("grateful",),
    Act.LEAVE: ("negative",),
}
"""The emotions of ECR that an act may carry; one is drawn each time."""

REACTIONS = {
    act for act in Act if act in (Act.SEEN, Act.ASK, Act.REPEATED) or act.startswith(("accept", "reject", "decline"))
}
"""The acts that answer a film: before their sentence may stand one of FEELINGS."""

FEELINGS: dict[str, tuple[str, ...]] = {
    "like": (
        "I love that idea.",
        "What a lovely suggestion.",
        "I love the sound of that.",
        "You have great taste.",
        "That's a brilliant idea.",
        "What a good choice.",
    ),
    "curious": (
        "Now you have made me curious.",
        "Hm, I wonder about that one.",
        "Interesting, tell me.",
        "I'm curious now.",
        "That makes me wonder.",
        "I have been wondering about that one.",
    ),
    "happy": (
        "That makes me happy!",
        "I'm so glad that I asked.",
        "Haha, now I'm excited!",
        "I'm delighted.",
        "Oh, I can't wait!",
        "That will be fun.",
    ),
    "grateful": (
        "Thank you for that.",
        "I appreciate that.",
        "Thanks, that's kind of you.",
        "I'm grateful for the thought.",
        "Thanks for the effort.",
        "Thank you for your help so far.",
    ),
    "negative": (
        "Sorry, but no.",
        "I'm a little disappointed.",
        "Unfortunately that doesn't help me.",
        "I regret to say no.",
        "Hm, too bad.",
        "I'm sorry to be difficult.",
    ),
    "neutral": (),
    "nostalgia": (
        "That takes me back to my childhood.",
        "Oh, the memories!",
        "That brings back memories.",
        "That reminds me of the good old days.",
        "Now I feel nostalgic.",
        "I grew up with films like that.",
    ),
    "agreement": (
        "Yes, exactly what I meant.",
        "Absolutely, that's the right direction.",
        "I agree, that could be right.",
        "Sounds good so far.",
        "That's definitely the right kind.",
        "Good idea.",
    ),
    "surprise": (
        "Wow, I didn't see that coming.",
        "Really? That's unexpected.",
        "Oh, now I'm surprised.",
        "No way!",
        "That's an unexpected one.",
        "You surprised me there.",
    ),
}
"""Sentences that show each of ``envs.emotions.NINE``; a neutral seeker shows nothing."""
