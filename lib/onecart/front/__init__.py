"""Commands of the whole: the demo, the doctor, the bundle, the docs, tests and Python in this environment."""
