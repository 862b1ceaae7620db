"""What a report says, by fixed templates.

answer           the paragraphs a report opens with       table_rows     rows of the page's tables
headline_tables  the ranking over tasks as tables         across_text    the statistics over tasks
settings_text    swept and drawn settings in words        methods        a paragraph for a paper, and references
typeset          the cells as LaTeX and markdown          remarks        sentences beside the answer
"""
