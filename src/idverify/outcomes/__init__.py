"""Outcome metrics: what was disclosed, stolen, faked, blocked, unmasked, served and paid, from what a run measured."""
