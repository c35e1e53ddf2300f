"""Words of ordinary talk about films that are also titles: ``awesome``, ``the one``, ``a scary movie``.

A title of everyday words alone counts only if it is capitalised as a title. Without this list one in sixteen of
ReDial's replies would seem to name a film that nobody meant. Accents, apostrophes and case are folded, as in
``envs.film_text.title_finder``.
"""

from __future__ import annotations

_WORDS = """
a about actors adaptation after again alien aliens all along always american an and animal another any anything are
arrival as at awesome away baby back bad be bear beautiful before best better big black blood blue book box boy boys
bright brother brothers can casino change checking child children choice clown colors comedy comfort coming
conversation cool cops couple cowboy crazy creature crime criminal dad dark date day days dead death detective
dinosaur disaster do dog doing dont down dream dreams drop easy edge else end enough epic escape every everybody
everyday everyone everything fall fallen family fantastic father feeling fight fighter fighting first flight
following football for forever forgotten freaks friend friends from fun funny game games gangster gangsters get
getaway ghost ghosts girl girls go going good great grown guardians guy guys hand happening happy have he heat help
her here hero hidden hit hold holiday holidays home horror hostage house how hunter i identity im in inside is it
journey just justice kid kids killer killers king knowing last legend legendary life like list little long look
lost love lovers loving mad magic man me mean men missing mission mom moment monster monsters moonlight more mother
movie movies moving murder music my mystery neighbor neighbors never new next nice night nightmare no nostalgia not
nothing now obsessed of off office oh old on once one only open other others our out over parents party people
perfect pieces planes play players popcorn powerful predator president prince princess quick quiet rabbit rabbits
ready real red relax release remember return revenge ring road robbery robots rock romance romantic royal run safe
scary school science scream search secret secretary serious she show shooter sister sisters sleep sleeper society
some someone something soon speed star start stars still story strange stranger strangers street strong stuff
suddenly summer sunday super superhero sure switch take taken taking team that the them then there they thing things
this thriller thrillers through time to together tomorrow tonight too top tough town tracks traffic train trip true
trust twisted ultimate unknown up us vacation vampire vampires victory waiting wall want wanted war warrior watch
watching water way we weekend weird what when where while white who wild window winter wish with witness woman women
wonder wonderful words work world wow year yes yesterday you young your
"""

EVERYDAY_WORDS = frozenset(_WORDS.split())
"""Lower case, without apostrophes."""
