"""Does a claim hold on these pictures? Claims as data, runs paired by seed, a rule for the verdict, reports."""
