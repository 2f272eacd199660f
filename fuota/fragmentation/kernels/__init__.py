"""Compiled loops of TS004. `fuota.fragmentation.naive` specifies what they compute."""
