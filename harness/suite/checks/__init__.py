"""What a suite of the right form can still have wrong.

suite_check  all of it: blocks, combinations, plug-ins    data_check     files, sizes, metrics that cannot rank them
study_check  objectives not treated alike                 refusals       settings that cannot be trained
network_sizes  networks built without storage             image_ranking  whether images can be ranked on what it says
"""
