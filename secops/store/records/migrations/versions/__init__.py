"""One file per step, in the order of their numbers; a published one is never changed."""
