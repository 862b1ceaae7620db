"""Suites: a YAML file in, a frozen and checked Suite out, or every mistake in it a sentence with file and line.

format/    YAML with its lines, the models, kinds of values, mistakes
load       extends, scales and --set merged; load_suite     overrides    what --set may say
settings   who says what of a run: precedence               resolve      one combination to a Setup and hyper
expand     every combination to a RunSpec                   blocks       one cell trained with different settings
space      what a study draws, as settings                  competitors  what a suite compares
players    the two players of `harness show`                shipped      the suites that come with the package
checks/    names, values, combinations, data and plug-ins that a suite cannot have
"""
