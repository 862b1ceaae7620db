"""How long a suite takes on this machine, and how much it writes.

timings   what earlier runs took, in the user's cache     workload  a plan as what is left to do
estimate  the two put together                            schedule  when workers are done with it
meter     what a run takes, as timings                    trial     a few steps of a stack, timed
sentence  an estimate in words

Nothing but workload and trial imports torch: the parent of `harness run` reads the rest.
"""
