"""Commands one after another: quickstart, release, sweep; jobs side by side."""
