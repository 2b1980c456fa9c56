"""What is fitted or tested on episodes rather than on cells' means: logits, pairs, strata.

Each module takes a ``Place`` and returns a finding per factor. All work on counts or on distinct
patterns, never on single rows, and none needs statsmodels, which the tests hold them against.
"""
