"""Labels: judges' scores of replies, and the replies to judge.

Open ``labelling.py`` first.
"""
