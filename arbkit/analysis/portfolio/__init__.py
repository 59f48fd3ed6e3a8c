"""Portfolio: what to buy of many routes with a budget, and why."""
