"""`python -m procession`: the command `procession`, with this very Python."""

from procession.console.main import command

if __name__ == "__main__":
    command()
