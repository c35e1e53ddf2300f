"""What language models write, read: their thinking is taken out, and what is left is JSON or a speaker's line.

Open ``thinking.py`` first; judges and seekers, here or behind an endpoint, all read through it.
"""
