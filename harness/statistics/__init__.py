"""Arrays in, numbers out. Nothing here knows a suite, a store or a sentence.

intervals   of means over seeds                        power       what so many pairs can show
tuning      settings chosen on other seeds             aggregates  of scores over tasks, with bootstrap intervals
paired      tests of pairs, corrected for their number trials      numbers of finished trials and lost runs
variance    shares of variance of every factor         importance  of a study's settings, by Optuna
correlation of points of runs, within groups
"""
