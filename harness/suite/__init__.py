"""Suites: a YAML file in, a frozen and checked Suite out, or every mistake in it a Problem with file and line.

format/    YAML with its lines, the models, kinds of values, mistakes of form
load       extends, scales and --set merged; load_suite     overrides    what lies over every block: --set, a study
parameters what a suite may set of each component           settings     who says what of a run: precedence
matrix     a suite against the tables, resolved once        resolve      one combination to a Setup and hyper
expand     every combination to a RunSpec                   blocks       one cell trained with different settings
players    the two players of `harness show`                competitors  what a suite compares
own_data   own images or points in place of a suite's
checks/    what a suite of the right form cannot have       shipped      the suites that come with the package
"""
