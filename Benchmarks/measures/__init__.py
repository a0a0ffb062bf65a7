"""One family of measures a file, each with a function `measure(bench)`."""
