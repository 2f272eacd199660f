"""The commands of `fuota`, one module for each group."""
