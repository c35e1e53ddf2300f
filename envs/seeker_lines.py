"""What a profile seeker says, by act.

``{film}`` is a film that the recommender has just named, ``{tastes}`` and ``{dislikes}`` are genres, ``{mood}`` is one
word, ``{genre}`` the genre that a film is turned down for.
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
    OPEN = auto()
    NUDGE = auto()
    ACCEPT = auto()
    LOVED = auto()
    SEEN = auto()
    REPEATED = auto()
    REJECT = auto()
    REJECT_GENRE = auto()
    ASK = auto()
    DECLINE = auto()
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
    Act.LOVED: (
        "I loved {film}! Do you know something like it?",
        "I've seen {film} and it's one of my favourites. Anything similar?",
        "{film} was wonderful, but I've already watched it. What else is there?",
        "Yes, I really enjoyed {film}. Can you think of another one?",
        "Great taste, I love {film}. I'd like one that I haven't seen, though.",
        "I have watched {film} more than once! What would you pick next?",
        "Oh, {film} is so good. Got another like that?",
        "I liked {film} a lot when I saw it. Something else in that style?",
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
