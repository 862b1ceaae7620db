"""The tables of components, what extends them, and the trial of every function that does.

components  the tables, and the Python files that a suite names to extend them
installed   packages that extend them, which a suite names as it names files
inline      objectives given as objects    local_modules  the user's own modules that a file imports
guard       limits on what a user's Python may do to this process      entries  whether an entry is what its record says
hooks       what each function of a plug-in is called with    trial  the calls on two invented runs, before training
extractor_trial  the same for an extractor, on images of the data set that it is to look at
"""
