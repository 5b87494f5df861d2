"""Attacks on the ledgers of parties that put them together, and how their success is counted.

`attack` runs as a process of its own that sees ledgers and nothing else; `score` compares its answers with the truth
after it has answered.
"""
