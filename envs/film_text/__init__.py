"""Films in text: titles, genres, markers and the words around them.

Open ``title_finder.py`` first.
"""
