"""The synthetic register: people who do not exist, in the proportions of a real country."""

from idverify.population.register import LARGEST, Population

__all__ = ["LARGEST", "Population"]
