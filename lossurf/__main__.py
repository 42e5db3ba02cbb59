"""`lossurf` and `python -m lossurf`: the entry point, which imports nothing before an interrupt ends it quietly."""

from __future__ import annotations


def main() -> None:
    """Run the command line and leave the process with its exit code."""
    try:
        from lossurf.signals import end_quietly_when_interrupted

        end_quietly_when_interrupted()
        from lossurf.cli import main as command_line
    except KeyboardInterrupt:  # of the few imports before the handler is set
        import os

        os.write(2, b"lossurf: interrupted\n")
        os._exit(130)
    command_line()


if __name__ == "__main__":
    main()
