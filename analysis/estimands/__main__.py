"""``python -m analysis.estimands``: the page of estimands."""

from analysis.estimands.page import page

print(page(), end="")
