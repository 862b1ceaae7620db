"""Plans: a Suite in, its runs in pinned stacks out, and what they cost on this machine.

make             the plan against an earlier one     stacks         which runs train together
describe         what a plan holds and can show      description    the values of that
screen           those as text, for `harness plan`   run_filter     what --only selects
recovery         the plan there was before           workload       what is left of a plan
origins          finished runs that others go on from
timings          what earlier runs took              estimate       what the rest will take
timing_trial     a few steps of a stack, timed       cost_text      an estimate in words
weak_extractors  which are too weak for a plan       source         which suite file a folder is of

Of the cost, nothing but workload and timing_trial imports torch: the parent of `harness run` reads the rest.
"""
