"""The tables of components, what extends them, and the trial of every function that does.

components  the tables, and the Python files that a suite names to extend them
inline      objectives given as objects    local_modules  the user's own modules that a file imports
guard       limits on what a user's Python may do to this process      entries  whether an entry is what its record says
hooks       what each function of a plug-in is called with    trial  the calls on two invented runs, before training
"""
