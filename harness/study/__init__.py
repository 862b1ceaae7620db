"""Studies: settings drawn for every objective, each trial ordinary runs of the ordinary store.

search_space  what is drawn, as Optuna has it     trial_sampling  the next trials, asked of Optuna
trial_runs    the runs of a trial                 trial_value     what a trial was worth
course        what there is, what comes next, which trial is best
optuna_database  a study as a file that Optuna opens
"""
