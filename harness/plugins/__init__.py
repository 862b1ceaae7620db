"""The tables of components, what extends them, and the trial of every function that does."""
