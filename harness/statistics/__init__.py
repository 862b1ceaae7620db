"""Arrays in, numbers out. Nothing here knows a suite, a store or a sentence.

intervals   of means over seeds                        power       what so many pairs can show
tuning      settings chosen on other seeds             aggregates  of scores over tasks, with bootstrap intervals
paired      tests of pairs, corrected for their number lost_runs   lost runs in an order
trials      numbers of finished trials                 survival    how many trials reach a score
variance    shares of variance of every factor         importance  of a study's settings, by Optuna
"""
