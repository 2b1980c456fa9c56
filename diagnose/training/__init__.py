"""Treatments of a model's weights: data from records, training, adapters."""
