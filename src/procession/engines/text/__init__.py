"""All quoting, a module for each format: a value -> the text that the format's own reader makes that value of again.

The rules of each were read in its parser, and tests read everything back with the parser itself.
"""
