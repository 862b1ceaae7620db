"""What a report finds beside its ranking: each is looked for in the table of runs, and shown where it is there.

alone          critics that are trained alone: their estimates beside solved distances
alone_text     the same in words            alone_figures  and drawn
"""
