"""Virtual time: days of logins of a town in seconds, in the ledgers' own format, and what theory expects of them.

Everything here is labelled SIMULATED; what is computed by formula for a country is labelled EXTRAPOLATED.
docs/simulation.md has the mathematics.
"""
