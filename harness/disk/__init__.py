"""Files of any kind: nothing here knows a suite, or results.

files      whole ones or none, flushes, locks    documents  sealed JSON    arrays  npz
schema     what plain data must hold
owners     which process something is of, and whether it lives
folders    those of the user's that outlive a suite
"""
