"""The sandbox documents itself: one self-contained HTML page at `/`."""

import base64
import hashlib
from html import escape
from pathlib import Path
from string import Template

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from sandbox.scripts import SCRIPTS, SUCCEED, Script

TEMPLATE = (Path(__file__).parent / "page.html").read_text(encoding="utf-8")


def _row(script: Script) -> str:
    ending = f"…{script.ending}" if script.ending else "anything else"
    code = f" with <code>{script.decline_code}</code>" if script.decline_code else ""
    return f"<tr><td><code>{ending}</code></td><td>{script.name}</td><td>{escape(script.says)}{code}</td></tr>"


def _style_hash() -> str:
    style = TEMPLATE.partition("<style>")[2].partition("</style>")[0]
    return base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()


HTML = Template(TEMPLATE).substitute(scripts="\n".join(_row(script) for script in (*SCRIPTS, SUCCEED)))
CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_style_hash()}'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)


async def show(_: Request) -> Response:
    """Answer the page."""
    return HTMLResponse(HTML, headers={"Content-Security-Policy": CONTENT_SECURITY_POLICY})
