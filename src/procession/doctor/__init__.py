"""Why does it not start, keep restarting, or not answer? One small examination for each thing that can be the cause.

    Case        what is known before anything is looked at: declaration, state, events, last lines, the site's report
    examination Case -> findings: it looks at one thing, changes nothing, and says nothing where all is well
    Finding     what is wrong, what to do, what was seen; and whether it is the cause, or what comes of it

A new examination is one function in a file beside this one, and its line in `examine.EXAMINATIONS`.
"""
