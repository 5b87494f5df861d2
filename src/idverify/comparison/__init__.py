"""Runs the schemes one after the other under load, attacks what they leave in the ledgers, and reports."""
