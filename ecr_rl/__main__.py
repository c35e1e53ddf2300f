"""``python -m ecr_rl``: the command ``ecr-rl``, for jobs and trees where nothing of ours is installed."""

from ecr_rl.cli import main

main()
