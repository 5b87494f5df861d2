"""Citizens under load: Locust user classes made from the list of schemes, what they record, and a way to run them.

`run.py` starts Locust in a process of its own, because Locust patches the standard library on import.
"""
