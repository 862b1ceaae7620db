"""Everything that a results folder must survive, tried many times: `make faults` prints one table.

table     a fault, and how its tries are counted     commands  the command line as a process of its own
records   what must be equal after a fault           fake      the same command with training that takes no torch
mortal    a process that dies at its nth file operation

kills     processes that die     sharing  several runners     disk      full, damaged, read-only, old
hostile   suites, names, text    failing  runs that fail      cluster   nodes and calls that end
cost      what all this takes
"""
