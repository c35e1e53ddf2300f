"""Jobs on a Ray cluster: what is packed, what its command becomes there, and the talk with the job server.

Open ``command.py`` first.
"""
