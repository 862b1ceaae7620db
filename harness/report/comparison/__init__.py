"""Two sides of runs: paired, tested, told apart in their settings, and put into words."""
