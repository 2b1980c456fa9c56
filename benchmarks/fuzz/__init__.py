"""Random and adversarial programs and circuit files, run through the real boundary.

.venv/bin/python -m benchmarks.fuzz --count 100000
"""
