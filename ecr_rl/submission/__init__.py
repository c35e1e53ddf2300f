"""Jobs on a Ray cluster: the package to upload, the job's command, and the client of the job server.

Open ``command.py`` first.
"""
