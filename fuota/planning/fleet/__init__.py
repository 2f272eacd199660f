"""The fleet that a plan is made for: its members, how they receive, and the files that describe it."""
