"""Treatments of a model's weights: data, objectives, adapters, trainer. Imports nothing heavy."""
