"""What a report draws. Drawing calculates nothing; which figures there are, and of what, is decided here as well.

drawing         drawing of tables and arrays on an axes     panels          a figure at a time, named and counted
style           fonts and inks                              encoding        figures as PNG and SVG, in several processes
task_figures    figures of tasks and runs                   sample_sheets   sheets, grids and animations of samples
courses         points of the plane through training
across_figures  figures over many tasks                     study_figures   figures of swept and drawn settings
data_sheet      real samples, for `harness data`        latent_figures  single samples, for `harness sample`
"""
