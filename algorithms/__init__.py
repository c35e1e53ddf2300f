"""What learns: language model, critic, recommender, responder, and PPO on conversations."""
