"""What somebody sees who looks at what runs, and may do: rows of words, a log's tail, the story, the verbs.

The dashboard makes pages of it, `procession top` a terminal's picture. Nothing is measured while nobody looks.
"""
