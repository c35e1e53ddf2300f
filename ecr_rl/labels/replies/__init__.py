"""The replies that judges are shown: human ones, made ones, the policy's.

Open ``examples.py`` first.
"""
