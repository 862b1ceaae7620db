"""What the trials of a study say, and what the tricks of a suite do.

study_results     how much of the space is good, how soon a search finds it, whether the best setting holds
study_slices      values along one setting, and over two
settings_reached  how many settings reach a score with which objective
trick_effects     each trick of a suite beside the same loss without it
"""
