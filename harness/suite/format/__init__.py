"""The format of a suite file: YAML with its lines, kinds of values, frozen models, and mistakes in it."""
