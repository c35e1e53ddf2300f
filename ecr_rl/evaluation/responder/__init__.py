"""A responder's replies to human contexts.

Open ``response_figures.py`` first.
"""
