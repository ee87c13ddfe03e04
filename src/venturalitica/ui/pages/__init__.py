"""The pages by name: path, module, and what else the app must know to mount each.

No module of a page is imported before somebody asks for the page.
"""

from __future__ import annotations

from msgspec import Struct

SMALL_BODY = 64 * 1024
POLICY_BODY = 4 * 1024 * 1024
"""A policy's text as a form sends it: each byte may take three."""
BUNDLE_BODY = 80 * 1024 * 1024
"""The longest line that the ledger reads, and its bundle around it."""


class Page(Struct, frozen=True):
    """One page. `module`, a file beside this one, has `function(request) -> Response`: async, or
    plain (run in a thread).

    `nav` is its word in the navigation; `query` names what of a query string a static export keeps
    (another query has no file there); `body` bounds what may be sent to it, in bytes. One that
    `waits` shows what is read ahead of a long log: until that is read, a browser is told so.
    """

    name: str
    path: str
    module: str
    nav: str = ""
    methods: tuple[str, ...] = ("GET",)
    function: str = "page"
    static: bool = True
    query: tuple[str, ...] = ()
    body: int = SMALL_BODY
    waits: bool = False


_PAIR = ("a", "b")
_POST = ("POST",)

PAGES: tuple[Page, ...] = (
    Page("overview", "/", "overview", nav="Overview", query=("page",)),
    Page("runs", "/runs", "runs", nav="Runs", query=("page",)),
    Page("runs_file", "/runs.{format}", "exports", static=False),
    Page("record", "/runs/by/{sha256}", "run", function="by_digest", static=False),
    Page("run", "/runs/{entry:int}", "run", waits=True),
    Page("download", "/runs/{entry:int}/download/{what}", "downloads"),
    Page(
        "sign_off",
        "/runs/{entry:int}/sign-off",
        "sign_off",
        methods=("GET", "POST"),
        static=False,
    ),
    Page(
        "sign_off_signed",
        "/runs/{entry:int}/sign-off/signed",
        "sign_off",
        function="sign",
        methods=_POST,
        static=False,
    ),
    Page(
        "chart",
        "/runs/{entry:int}/charts/{control:text}.svg",
        "downloads",
        function="chart",
        static=False,
    ),
    Page("compare", "/compare", "compare", query=_PAIR, waits=True),
    Page(
        "trends_chart",
        "/trends.svg",
        "trends",
        query=("policy", "name", "experiment", "control", "group"),
        function="chart",
        static=False,
    ),
    Page(
        "trends",
        "/trends",
        "trends",
        query=("policy", "name", "experiment", "control"),
        waits=True,
    ),
    Page("policies", "/policies", "policies", nav="Policies", waits=True),
    Page("policy_diff", "/policies/{name:text}/diff", "policies", function="diff", query=_PAIR),
    Page("policy_text", "/policies/{name:text}/{sha256}", "policies", function="text"),
    Page("policy", "/policies/{name:text}", "policies", function="policy", waits=True),
    Page(
        "policy_form",
        "/policy-form",
        "policy_form",
        methods=("GET", "POST"),
        static=False,
        body=POLICY_BODY,
    ),
    Page("evidence", "/evidence", "evidence", nav="Evidence", waits=True),
    Page("integrations", "/integrations", "integrations", nav="Integrations", waits=True),
    Page("live_overview", "/live/overview", "overview", function="live", static=False),
    Page("live_runs", "/live/runs", "runs", function="live", static=False),
    Page("verify", "/evidence/verify", "evidence", function="verify", methods=_POST, static=False),
    Page("verify_job", "/evidence/verify/{job}", "evidence", function="verify_job", static=False),
    Page(
        "verify_bundle",
        "/evidence/bundle",
        "evidence",
        function="verify_bundle",
        methods=_POST,
        static=False,
        body=BUNDLE_BODY,
    ),
    Page("bundle", "/evidence/bundle/{job}", "evidence", function="bundle", static=False),
    Page(
        "bundle_report",
        "/evidence/bundle/{job}/report",
        "evidence",
        function="bundle_report",
        static=False,
    ),
    Page(
        "live_policy_form",
        "/live/policy-form",
        "policy_form",
        function="live",
        methods=_POST,
        static=False,
        body=POLICY_BODY,
    ),
    Page("live_verify", "/live/verify/{job}", "evidence", function="live_verify", static=False),
    Page("live_integrations", "/live/integrations", "integrations", function="live", static=False),
    Page(
        "retry",
        "/integrations/retry",
        "integrations",
        function="retry",
        methods=_POST,
        static=False,
    ),
)
"""The first that fits an address answers it. Live fragments are named `live_…`, at `/live/…`."""


def find(name: str) -> Page:
    """The page of that name.

    Raises:
        KeyError: there is none; a slip in a template.
    """
    for page in PAGES:
        if page.name == name:
            return page
    raise KeyError(f"no page {name!r}; there are {[page.name for page in PAGES]}")
