"""The settings of the parts that learn, one section of a config a module; importing them needs neither torch nor ray.

Open ``ppo.py`` first.
"""
