"""The one style sheet, for the report page and for fragments in notebooks.

Every rule is scoped to `.vl`, so a fragment changes nothing around it. Layout follows the width of
the container, not of the window: a notebook cell and a phone are treated alike.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache

LIGHT = {
    "page": "#f6f7f8",
    "card": "#ffffff",
    "sunken": "#f1f3f4",
    "text": "#1c2126",
    "muted": "#545d66",
    "line": "#d9dde1",
    "mark": "#6b747d",
    "link": "#0b5cad",
    "allowed": "#d2ecd9",
    "green": "#17713a",
    "green-tint": "#e6f4ea",
    "amber": "#855700",
    "amber-tint": "#fdf3d9",
    "red": "#b3261e",
    "red-tint": "#fcebe9",
    "grey": "#545d66",
    "grey-tint": "#eceff1",
}

DARK = {
    "page": "#12151a",
    "card": "#1a1f25",
    "sunken": "#222931",
    "text": "#e7eaed",
    "muted": "#a5aeb8",
    "line": "#343c46",
    "mark": "#8b95a0",
    "link": "#7fb8f2",
    "allowed": "#20432b",
    "green": "#6fd08f",
    "green-tint": "#17301f",
    "amber": "#e8bc55",
    "amber-tint": "#33290f",
    "red": "#ff9a90",
    "red-tint": "#3d1c1a",
    "grey": "#a5aeb8",
    "grey-tint": "#262d35",
}


def variables(palette: dict[str, str]) -> str:
    """The palette as CSS custom properties: `--vl-page:#f6f7f8;...`."""
    return "".join(f"--vl-{name}:{colour};" for name, colour in palette.items())


_BASE = """
.vl{color-scheme:light;background:var(--vl-page);color:var(--vl-text);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;
font-variant-numeric:tabular-nums;text-align:start;-webkit-text-size-adjust:100%}
.vl *{box-sizing:border-box}
.vl h1,.vl h2,.vl h3,.vl h4,.vl p,.vl ul,.vl dl,.vl dd{margin:0;padding:0;font-weight:400}
.vl h1{font-size:26px;line-height:1.25;font-weight:650;letter-spacing:-.01em}
.vl h2{font-size:19px;line-height:1.3;font-weight:650;margin:40px 0 12px}
.vl h3{font-size:15px;font-weight:650;margin:24px 0 8px;color:var(--vl-muted)}
.vl h4{font-size:16px;line-height:1.35;font-weight:600}
.vl p,.vl dd,.vl td,.vl th,.vl h1,.vl h2,.vl h3,.vl h4,.vl li,.vl code{overflow-wrap:anywhere}
.vl a{color:var(--vl-link);text-underline-offset:2px}
.vl a:focus-visible,.vl summary:focus-visible,.vl [tabindex]:focus-visible{
outline:2px solid var(--vl-link);outline-offset:2px;border-radius:3px}
.vl code,.vl pre{font:.86em/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",
monospace;background:none;color:inherit;padding:0;border:0}
.vl small{font-size:.86em}
.vl bdi,.vl [dir]{unicode-bidi:isolate}
.vl .vl-muted{color:var(--vl-muted)}
.vl .vl-digest{font-size:.8em}
"""

_LIGHTS = "".join(
    f".vl .vl-is-{light}{{color:var(--vl-{light})}}"
    f".vl .vl-pill.vl-is-{light},.vl .vl-answer.vl-is-{light}{{background:var(--vl-{light}-tint)}}"
    f".vl .vl-edge-{light}{{border-inline-start-color:var(--vl-{light})}}"
    for light in ("green", "amber", "red", "grey")
)

_MARKS = """
.vl .vl-icon{flex:none;display:inline-block;vertical-align:-3px;max-width:none}
.vl .vl-pill .vl-icon{align-self:center}
.vl .vl-shape{fill:currentColor}
.vl .vl-sign{fill:none;stroke:var(--vl-card);stroke-width:2.6;stroke-linecap:round;
stroke-linejoin:round}
.vl .vl-pill{display:inline-flex;align-items:baseline;gap:6px;padding:2px 10px 2px 6px;
border-radius:999px;font-size:13px;font-weight:600;line-height:1.5;white-space:nowrap}
.vl svg.vl-bar,.vl svg.vl-dots{display:block;overflow:visible;max-width:none}
.vl .vl-axis{stroke:var(--vl-line);stroke-width:1.5}
.vl .vl-allowed{fill:var(--vl-allowed);stroke:none}
.vl .vl-interval{stroke:currentColor;stroke-width:3;opacity:.55}
.vl .vl-whisker{stroke:currentColor;stroke-width:1.5}
.vl .vl-value,.vl .vl-dot{fill:currentColor;stroke:var(--vl-card);stroke-width:1.5}
.vl .vl-threshold{stroke:var(--vl-text);stroke-width:2}
.vl .vl-reference{stroke:var(--vl-text);stroke-width:1.2;stroke-dasharray:3 3}
.vl .vl-tick{font-size:11px;fill:var(--vl-muted)}
.vl .vl-tick-strong{fill:var(--vl-text);font-weight:600}
.vl .vl-dots{color:var(--vl-mark)}
.vl .vl-unsupported .vl-dot{fill:var(--vl-card);stroke:currentColor}
"""

_TABLES = """
.vl table{border-collapse:collapse;width:100%;margin:0;border:0;font-size:14px;table-layout:auto}
.vl table th,.vl table td,.vl table tr{background:none;border:0;text-align:start;
vertical-align:baseline;padding:7px 12px 7px 0;max-width:none;font-weight:400;color:inherit}
.vl table thead th{font-size:12px;color:var(--vl-muted);font-weight:500;padding-bottom:4px;
white-space:nowrap}
.vl table tbody tr{border-top:1px solid var(--vl-line)}
.vl .vl-table td,.vl .vl-table tbody th{padding-block:10px}
.vl .vl-table tbody th{min-width:180px;width:34%}
.vl .vl-name{display:block;font-weight:550}
.vl .vl-name a{color:inherit;text-decoration-color:var(--vl-line)}
.vl .vl-name a:hover{text-decoration-color:currentColor}
.vl .vl-name code{display:block;color:var(--vl-muted);font-weight:400;font-size:12px}
.vl .vl-why{display:block;color:var(--vl-muted);font-size:13px;margin-top:2px;max-width:62ch}
.vl .vl-c-bar{width:26%;min-width:150px;vertical-align:middle!important}
.vl .vl-c-value b{font-weight:650}
.vl .vl-c-value small{display:block;color:var(--vl-muted);white-space:nowrap}
.vl .vl-c-must,.vl .vl-c-n,.vl .vl-c-result{white-space:nowrap}
.vl .vl-table .vl-c-n,.vl .vl-table thead th:last-child{text-align:end;padding-inline-end:0}
.vl table.vl-groups{font-size:13px;margin:0}
.vl .vl-groups thead th:first-child{white-space:normal}
.vl .vl-groups td,.vl .vl-groups tbody th{padding:4px 12px 4px 0}
.vl table .vl-num{text-align:end;white-space:nowrap}
.vl .vl-groups .vl-plot,.vl .vl-groups .vl-ends{width:52%;padding-inline-end:0}
.vl .vl-groups .vl-ends{display:flex;justify-content:space-between;width:auto;
font-variant-numeric:tabular-nums}
.vl .vl-groups .vl-plot{vertical-align:middle}
.vl .vl-groups tfoot td{font-size:12px;color:var(--vl-muted);padding-top:6px}
.vl .vl-few{display:block;color:var(--vl-amber);font-size:12px}
.vl .vl-scroll{overflow-x:auto;margin-top:6px}
.vl .vl-scroll .vl-plain{width:auto;min-width:min(100%,480px)}
.vl .vl-plain td{padding-block:5px}
"""

_CARDS = """
.vl .vl-card{background:var(--vl-card);border:1px solid var(--vl-line);
border-inline-start-width:4px;border-radius:8px;padding:16px 20px 18px;margin:0 0 12px;
break-inside:avoid;scroll-margin-top:12px}
.vl .vl-card>header{display:grid;grid-template-columns:1fr auto;gap:2px 16px;align-items:start}
.vl .vl-meta{grid-column:1/-1;display:flex;flex-wrap:wrap;gap:0 16px;font-size:13px;
color:var(--vl-muted)}
.vl .vl-rule{margin:10px 0 14px}
.vl .vl-found{display:grid;gap:16px 40px;grid-template-columns:minmax(0,5fr) minmax(0,6fr)}
.vl .vl-said>:first-child{margin-top:0}
.vl .vl-found+.vl-said{margin-top:12px}
.vl .vl-figure{display:flex;flex-wrap:wrap;align-items:baseline;gap:0 12px;font-size:13px;
color:var(--vl-muted);margin-bottom:8px}
.vl .vl-figure strong{font-size:25px;line-height:1.2;font-weight:650;color:var(--vl-text);
letter-spacing:-.01em}
.vl .vl-sure,.vl .vl-novalue{font-size:13px;color:var(--vl-muted);margin-top:8px}
.vl .vl-reason{margin-top:12px}
.vl .vl-notes{margin-top:8px;padding-inline-start:18px;font-size:13px;color:var(--vl-muted);
list-style:disc}
.vl .vl-remedy{margin-top:12px;padding:9px 14px;border-radius:6px;background:var(--vl-sunken);
white-space:pre-line}
.vl .vl-remedy b{font-weight:650}
"""

_PAGE = """
html{background:var(--vl-page)}
body.vl{margin:0}
.vl .vl-sheet{max-width:1040px;margin:0 auto;padding:28px 24px 56px;container-type:inline-size}
.vl .vl-top{display:flex;justify-content:space-between;flex-wrap:wrap;gap:2px 24px;font-size:13px;
color:var(--vl-muted);margin-bottom:16px}
.vl .vl-top b{color:var(--vl-text);font-weight:650}
.vl .vl-answer{display:grid;grid-template-columns:auto 1fr;gap:0 20px;align-items:start;
padding:22px 24px;border-radius:10px}
.vl .vl-answer .vl-sign{stroke:var(--vl-page)}
.vl .vl-answer>div{color:var(--vl-text)}
.vl .vl-question{font-size:13px;color:var(--vl-muted)}
.vl .vl-answer h1 span{font-weight:400}
.vl .vl-answer p+p,.vl .vl-answer h1+p{margin-top:4px}
.vl .vl-facts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,290px),1fr));
gap:10px 28px}
.vl .vl-facts div{min-width:0}
.vl .vl-facts dt{font-size:12px;color:var(--vl-muted)}
.vl .vl-facts dd{font-size:14px}
.vl .vl-facts div:has(.vl-long){grid-column:span 2}
.vl .vl-glance{margin-top:20px;grid-template-columns:repeat(auto-fill,minmax(min(100%,180px),1fr))}
.vl .vl-warning{margin-top:14px;padding:10px 14px;border-radius:8px;display:flex;gap:10px;
background:var(--vl-amber-tint);align-items:flex-start}
.vl .vl-warning .vl-icon{margin-top:2px;color:var(--vl-amber)}
.vl .vl-warning .vl-sign{stroke:var(--vl-amber-tint)}
.vl .vl-box{background:var(--vl-card);border:1px solid var(--vl-line);border-radius:8px;
padding:16px 20px;margin-bottom:12px}
.vl .vl-box>h3:first-child{margin-top:0}
.vl .vl-box h3{color:var(--vl-text);margin:20px 0 8px}
.vl .vl-pairs{columns:3 230px;column-gap:28px;list-style:none;margin-top:10px;font-size:13px}
.vl .vl-pairs li{break-inside:avoid;padding:2px 0}
.vl .vl-pairs span{color:var(--vl-muted)}
.vl details{margin-top:12px}
.vl summary{cursor:pointer;color:var(--vl-link);font-size:14px;width:max-content;max-width:100%}
.vl pre{margin:10px 0 0;padding:12px 14px;background:var(--vl-sunken);border-radius:6px;
overflow-x:auto;white-space:pre;color:var(--vl-text)}
.vl .vl-signed+.vl-signed{margin-top:16px;padding-top:16px;border-top:1px solid var(--vl-line)}
.vl .vl-signed+.vl-prose,.vl details+.vl-prose,.vl .vl-steps+.vl-prose{margin-top:16px}
.vl .vl-signed .vl-facts{margin-top:10px}
.vl blockquote{margin:8px 0 0;padding:2px 0 2px 14px;border-inline-start:3px solid var(--vl-line);
white-space:pre-line;overflow-wrap:anywhere}
.vl .vl-steps{grid-template-columns:1fr;margin-top:10px}
.vl .vl-prose{max-width:72ch}
.vl .vl-prose+*{margin-top:12px}
.vl .vl-foot{margin-top:40px;padding-top:14px;border-top:1px solid var(--vl-line);font-size:13px;
color:var(--vl-muted)}
"""

_FRAGMENT = """
.vl.vl-fragment{container-type:inline-size;background:none;max-width:1040px;padding:4px 2px}
.vl .vl-inner{background:var(--vl-card);border:1px solid var(--vl-line);border-radius:8px;
padding:14px 18px 8px}
.vl .vl-line{display:flex;flex-wrap:wrap;gap:4px 14px;align-items:center;margin-bottom:8px}
.vl .vl-line b{font-weight:650}
"""

_NARROW = """
@media screen{@container (max-width:720px){
.vl .vl-found{grid-template-columns:minmax(0,1fr)}
.vl .vl-facts div:has(.vl-long){grid-column:1/-1}
.vl .vl-table thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.vl .vl-table,.vl .vl-table tbody{display:block}
.vl .vl-table tbody tr{display:grid;grid-template-columns:auto 1fr auto;gap:4px 14px;
padding:12px 0;align-items:center}
.vl .vl-table tbody th,.vl .vl-table tbody td{padding:0;min-width:0;width:auto}
.vl .vl-table tbody th,.vl .vl-table .vl-c-bar{grid-column:1/-1;width:auto}
.vl .vl-table .vl-c-bar:empty{display:none}
.vl .vl-table .vl-c-value small{display:inline;margin-inline-start:8px}
.vl .vl-table .vl-c-result{grid-column:1/-1}
.vl .vl-table .vl-c-n{justify-self:end}
.vl .vl-c-must::before{content:"must be ";color:var(--vl-muted)}
.vl .vl-c-n::before{content:"n = ";color:var(--vl-muted)}
.vl .vl-table .vl-c-must{white-space:normal}
}}
@media screen and (max-width:560px){
.vl .vl-sheet{padding:16px 12px 40px}
.vl .vl-answer{padding:16px;gap:0 14px}
.vl .vl-answer .vl-icon{width:36px;height:36px}
.vl h1{font-size:21px}
.vl .vl-card,.vl .vl-box{padding:14px 14px 16px}
.vl .vl-card>header{grid-template-columns:1fr}
.vl .vl-pill{justify-self:start}
.vl .vl-card>header .vl-pill{margin:4px 0}
.vl .vl-groups .vl-plot{width:38%}
}
"""

_PRINT = """
@page{margin:16mm 14mm}
@media print{
.vl{font-size:10.5pt;background:#fff}
html{background:#fff}
.vl .vl-sheet{max-width:none;padding:0}
.vl *{print-color-adjust:exact;-webkit-print-color-adjust:exact}
.vl h2,.vl h3{break-after:avoid}
.vl tr,.vl .vl-answer{break-inside:avoid}
.vl details::details-content{content-visibility:visible;block-size:auto}
.vl summary{color:var(--vl-text)}
.vl h1{font-size:17pt}
.vl table,.vl .vl-facts dd{font-size:9pt}
.vl .vl-table .vl-c-bar{min-width:110px;width:22%}
.vl .vl-pill{white-space:normal;font-size:8.5pt}
.vl .vl-pairs{font-size:8pt;columns:3}
.vl .vl-pairs li{padding:0}
.vl pre{white-space:pre-wrap;overflow-wrap:anywhere}
.vl .vl-scroll{overflow:visible}
}
"""

_DARK_VARIABLES = f"color-scheme:dark;{variables(DARK)}"


@cache
def page_style() -> str:
    """The style of the report: dark where the reader asks for it, always light in print."""
    dark = f"@media screen and (prefers-color-scheme:dark){{:root,.vl{{{_DARK_VARIABLES}}}}}"
    return _compact(
        f":root,.vl{{{variables(LIGHT)}}}{_BASE}{dark}{_MARKS}{_TABLES}{_CARDS}{_PAGE}"
        f"{_LIGHTS}{_NARROW}{_PRINT}"
    )


@cache
def fragment_style() -> str:
    """The style of a fragment: it follows the notebook's theme where that is known."""
    themes = (
        '[data-jp-theme-light="false"] .vl,body.vscode-dark .vl,body.vscode-high-contrast .vl,'
        'html[theme="dark"] .vl,[data-theme="dark"] .vl'
    )
    return _compact(
        f".vl{{{variables(LIGHT)}}}{_BASE}{themes}{{{_DARK_VARIABLES}}}{_LIGHTS}{_MARKS}{_TABLES}"
        f"{_FRAGMENT}{_NARROW}"
    )


@cache
def page_policy() -> str:
    """The content security policy of the report: its own style sheet and nothing else."""
    hashed = base64.b64encode(hashlib.sha256(page_style().encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{hashed}'; base-uri 'none'; form-action 'none'"


def _compact(css: str) -> str:
    return css.replace("\n", "")
