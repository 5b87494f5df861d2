"""Lawful opening: a quorum of openers finds the person behind a sealed identity, and cannot do so without a trace."""
