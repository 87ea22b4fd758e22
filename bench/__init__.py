"""What we measure, and how to run it: see bench/README.md."""
