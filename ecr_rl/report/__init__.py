"""The report of a run: results as JSON, plots, and one self-contained page.

Open ``report.py`` first.
"""
