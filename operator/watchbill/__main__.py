"""`python -m watchbill`: the same as the command `watchbill`."""

from watchbill.cli.main import app

if __name__ == "__main__":
    app(prog_name="watchbill")
