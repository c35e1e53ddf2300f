"""What people's ratings say of replies: measured parts and their weights.

Open ``model.py`` first.
"""
