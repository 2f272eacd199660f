"""`python -m fuota` is `fuota`."""

from fuota.cli import main

main()
