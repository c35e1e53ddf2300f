"""How far simulated seekers differ from people: in the same places of the same dialogues, by figures and a classifier.

Open ``fidelity.py`` first.
"""
