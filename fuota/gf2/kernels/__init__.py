"""Compiled loops over GF(2). `fuota.gf2.naive` specifies them, `fuota.gf2.layout` describes the words."""
