"""Diagnostic intervention studies of agents: which of four capacities holds an agent back.

The data's way: conf -> design -> episode -> records -> (analysis) load -> estimates -> figures.
"""

__version__ = "0.1.0"
