"""What a report says.

answer       the sentence where there is no headline    verdict         the answer over many tasks
across_text  the statistics over tasks                  headline_notes  what is said beside the headline
table_rows   rows of the page's tables                  study_text      a study in words
methods      the paragraph to paste into a paper        bibliography    its references
typeset      the cells as LaTeX and markdown
"""
