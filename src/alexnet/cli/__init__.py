"""What can be typed? Verbs in groups, one function call each; no logic lives here."""
