"""The verbs of the command line, a file each: what it computes, and what it prints."""
