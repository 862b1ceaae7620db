"""Studies: settings drawn for every objective, each trial ordinary runs of the ordinary store.

space     what is drawn, as Optuna has it        sampling  the next trials, asked of Optuna
runs      the runs of a trial                    course    what there is, what comes next, which trial is best
budget    numbers of finished trials: the expected best of so many, the share of the space that is good
paired    tests of two objectives over the trials they share
importance  which settings decide whether a trial is a good one, by Optuna
"""
