"""`python -m secops.cli`: how the program starts its own child processes."""

from secops.cli import main

main()
