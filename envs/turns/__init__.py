"""One turn of a conversation: observation, proposal, reply and state.

Open ``state.py`` first.
"""
