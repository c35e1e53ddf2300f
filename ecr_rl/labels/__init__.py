"""Labels: what judges say of replies, and the replies that they are shown.

Open ``labelling.py`` first.
"""
