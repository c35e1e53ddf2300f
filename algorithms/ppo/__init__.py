"""PPO on conversations: RLlib's algorithm with one row a conversation."""
