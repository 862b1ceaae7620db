"""What a report draws. Drawing calculates nothing; which drawings there are, and of what, is decided here as well.

drawing         figures of tasks and runs          task_figures      which of them, and of what
across_drawing  figures of the tasks together      headline_figures  what is drawn of the headline
study_drawing   figures of a study                 study_panels      which of them, and of what
sensitivity     what was swept                     survival_curves   how many settings reach a score with each objective
image_grids     images side by side                sample_sheets     sheets and animations of samples
sample_grid     a small sheet for every objective and architecture
panels          a picture at a time, counted       encoding          figures as files
"""
