"""Studies: settings drawn for every objective, each trial ordinary runs of the ordinary store.

trial_sampling   the space and the next trials, by Optuna    trial_runs   the runs of a trial
course           which trials there are, come next, are best trial_value  the value of a trial
optuna_database  a study as a file that Optuna opens
"""
