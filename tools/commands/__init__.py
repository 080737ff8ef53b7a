"""The commands of `onhand`, one module each; `tools/cli.py` lists them and imports one when it is called."""
