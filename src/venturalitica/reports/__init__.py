"""Reports: pages and texts made from a statement alone.

    html.render_report(statement)          one self-contained HTML file
    html.render_audit_fragment(verdicts)   the same verdicts for a notebook
    markdown.render_markdown(statement)    a short section for a run's description
    context, standing                      what they show, as typed values
    words                                  the sentences that all of them use

No file is opened, nothing is fetched, nothing is judged again.
"""
