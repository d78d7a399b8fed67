"""`python -m sepconv` is `sepconv`."""

from sepconv.cli import main

if __name__ == "__main__":
    main()
