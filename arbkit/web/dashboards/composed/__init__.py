"""Pages that analysts compose of parts: one shared view, grouping, and charts of their own."""
