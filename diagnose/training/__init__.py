"""Treatments of a model's weights: data, objectives, adapters, the trainer. Imports nothing heavy."""
