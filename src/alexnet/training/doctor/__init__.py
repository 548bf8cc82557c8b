"""What is wrong with a run? Recognised while it happens, named, with the command that cures it."""
