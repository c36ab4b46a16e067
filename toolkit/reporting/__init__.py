"""The report of a run: records and bundles in, one self-contained HTML page out. See page.render."""
