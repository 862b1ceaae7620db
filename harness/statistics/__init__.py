"""Arrays in, numbers out: intervals, tests, power. Nothing here knows a suite, a store or a sentence."""
