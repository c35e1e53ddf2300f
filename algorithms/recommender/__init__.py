"""Which films suit a conversation: what every film scorer is, counts, and the baselines they are held beside."""
