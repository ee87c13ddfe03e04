"""Reports: pages and texts made from a statement alone.

    html.page.render_report(statement)          one self-contained HTML file
    html.notebook.render_audit_fragment(…)      the same verdicts for a notebook
    markdown.render_markdown(statement)         a short section for a run's description
    context                                     what they show, as typed values
    summary, sentences                          what all of them say, and in what words

No file but a template is opened, nothing is fetched, nothing is judged again.
"""
