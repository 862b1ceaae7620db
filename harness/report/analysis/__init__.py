"""What a report computes: tables in, tables out.

tables      what is read of the results once           cell_table      numbers of cells and runs
primary     the metric of each data set
comparable  what may be compared with what             ranking         each task's order of objectives
headline    the order over many tasks                  averaging       whether runs can be averaged over tasks
critic_norms  objectives at the same norm              grid_edges      choices at the edge of their grid
leave_one_out  the headline without each part          across_tasks    aggregates, tests, shares of variance
null_rows   the null samplers beside the runs          noise_floors    what real data reach
sensitivity    scores against what was swept
"""
