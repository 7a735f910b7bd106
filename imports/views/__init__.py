"""The views of imports, one module for each page."""
