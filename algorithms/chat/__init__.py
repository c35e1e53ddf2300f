"""Chat models, in this process or behind an endpoint, and the seekers that they speak for.

Open ``endpoint.py`` or ``model.py`` first.
"""
