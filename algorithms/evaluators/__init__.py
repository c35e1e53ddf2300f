"""Judges that no policy is paid by, and the statistics of predictions and texts.

Open ``reporting.py`` and ``selecting.py`` first.
"""
