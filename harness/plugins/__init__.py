"""The tables of components, what extends them, and the trial of every function that does.

components     the tables, and the Python files that a suite names to extend them
inline         objectives given as objects    local_modules  the user's own modules that a file imports
trial          every function of a plug-in, on invented runs: before any run of the suite is planned
calls          one function called stacked, alone and twice    invented  what those runs have    where  where it stands
objective_calls, trick_calls, architecture_calls, dataset_calls  what the functions of each are called with
"""
