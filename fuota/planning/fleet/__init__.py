"""Fleet of a plan: its members, how they receive, and the files that describe it."""
