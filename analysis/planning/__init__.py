"""Before a study: power, designs, splits of a budget, aliases; boundaries for stopping early."""
