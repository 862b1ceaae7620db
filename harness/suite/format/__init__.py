"""The format of a suite file. Nothing here knows the tables, or imports torch.

yaml_file    YAML as plain data, and the line of every key    models    the frozen models, and their JSON schema
study_block  the model of `study:`                            values    kinds of values, in words and in JSON schema
problems     mistakes of form, and the file and line of all
"""
