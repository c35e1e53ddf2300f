"""What judges can be fooled by: how edits that should not raise a score move every judge of a run.

Open ``edits.py`` first, then ``measuring.py``.
"""
