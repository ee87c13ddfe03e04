"""Parts that the report, notebooks and pages share: each returns HTML or SVG as `Markup`."""
