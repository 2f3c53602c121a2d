"""`procession top`: what runs, live in a terminal, with its logs and its actions. A client of the control socket."""
