"""Plans: a Suite in, its runs in pinned stacks out, and what they cost on this machine.

make         the plan against an earlier one       stacks           which runs train together
description  what a plan holds and can show        screen           that, as `harness plan` prints it
run_filter   what --only selects                   recovery         the plan there was before
workload     what is left of a plan                timings          what earlier runs took, in the user's cache
estimate     the two put together                  timing_trial     a few steps of a stack, timed
cost_text    an estimate in words                  weak_extractors  which extractors are too weak for a plan

Of the cost, nothing but workload and timing_trial imports torch: the parent of `harness run` reads the rest.
"""
