"""The verdicts in the formats of other tools: JUnit, SARIF, GitHub, GitLab, Markdown, HTML.

    findings    what all of them list: one finding a control, or a step of a verification
    junit       JUnit XML, which every CI shows
    sarif       SARIF 2.1.0, for code scanning
    github      annotations of a step of GitHub Actions
    gitlab      the code quality report of GitLab
    markdown    the list as a table, where no record can be drawn
    html        the same as a page

Each takes the `Findings` and gives text; nothing is written, looked up or judged here.
"""
