"""The report page: sections, cards and charts, as HTML and SVG."""
