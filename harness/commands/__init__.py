"""The verbs of the command line, a file each, named as the verb: what it computes, and what it prints.

cli       parse, call, print                 options     arguments that several verbs share
progress  the bar of `harness run`           bench       the benchmarks beside the package
watch     `harness status --watch`

plan, list, data, sample, status, logs, compare, export, doctor, verify, clean and slurm are the verbs of those names.
`run`, `retry`, `score` and `study` are `harness.execution.runner`, `report` is `harness.report.rebuild`, `init` is
`harness.suite.shipped`.
"""
