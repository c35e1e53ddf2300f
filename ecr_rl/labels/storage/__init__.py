"""Label folders: Parquet shards, their card, import and merging.

Open ``store.py`` first.
"""
