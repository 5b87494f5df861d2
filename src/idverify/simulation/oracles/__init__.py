"""The oracles: for each expected value one measurement on ledgers that were really written, and whether they agree.

python -m idverify.simulation.oracles [--seed N] [--only PART] [--power] [--json]
"""
