"""Suites: a YAML file in, a frozen and checked Suite out, or every mistake in it a sentence with file and line.

yamlfile   safe reading, with the line of every key          format    the models of a suite file, and its JSON schema
values     kinds of values, and lists of them that sweep     problems  mistakes as sentences
load       extends, scales and --set merged; load_suite      overrides what --set may say
settings   who says what of a run: precedence                resolve   one combination's settings to a Setup and hyper
expand     every combination to a RunSpec                    check     names, values and combinations of a whole suite
refusals   why a combination cannot be trained               space     what a study draws, as settings; studycheck
sizes      how large the networks of a Setup are             plugins   tables of third parties
inline     objectives of a notebook, and what identifies one
"""

from harness.suite.format.models import Suite, schema, scored_steps
from harness.suite.load import load_suite

__all__ = ["Suite", "load_suite", "schema", "scored_steps"]
