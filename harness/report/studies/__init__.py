"""What the trials of a study say.

study_results     how much of the space is good, how soon a search finds it, whether the best setting holds
study_slices      values along one setting, and over two
settings_reached  how many settings reach a score with which objective
"""
