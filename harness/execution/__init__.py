"""From a plan to records: what a call does, which worker does what of it, and what becomes of failures.

runner      the data flow of run, retry and score    scheduler      which stack is claimed, trained, scored
requests    what is asked for, and left to do        outcomes       what tasks send back, and the events of a call
cluster     stacks on other machines                 meter          what tasks took, as timings
tasks       what workers do, by name; each in a module of its own:
planning    what there is to do                      training       a stack to its records
scoring     a run to its metrics                     ending         the table and the report
opening     a process, a folder and its data         provenance     where and with what runs are trained and scored
live_page   the report of what has ended so far      gpus           which processes train or score on which GPU
payloads    a stack as it travels to another machine
"""
