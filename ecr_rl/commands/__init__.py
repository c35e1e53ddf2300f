"""The commands of ``ecr-rl``, a file for each group."""
