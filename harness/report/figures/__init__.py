"""What a report draws. Drawing calculates nothing; which figures there are, and of what, is decided here as well.

drawing         drawing of tables and arrays on an axes     panels          a figure at a time, counted
task_figures    figures of tasks and runs                   encoding        figures as files
across_figures  figures over many tasks                     image_grids     images side by side
study_figures   figures of swept and drawn settings         sample_sheets   sheets, grids and animations of samples
"""
