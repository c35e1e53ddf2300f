"""The report of a run: figures as JSON, plots, and one self-contained page."""
