"""`python -m bridge` is `ponte`."""

from bridge.cli import main

if __name__ == "__main__":
    main()
