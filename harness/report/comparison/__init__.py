"""Two sides of runs: what `harness compare` shows.

pairs     runs paired by cell and seed          paired_tests     their differences, and a test of each row
run_diff  what else differs between the sides   comparison_text  all of it in words
"""
