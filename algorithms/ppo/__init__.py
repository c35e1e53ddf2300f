"""PPO on conversations: RLlib's algorithm with one row a conversation.

Open ``config.py`` first, then ``algorithm.py``.
"""
