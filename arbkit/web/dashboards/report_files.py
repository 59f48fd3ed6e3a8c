"""The reports' HTML over the dashboards' server: behind the same token, and isolated from the pages beside it."""

from __future__ import annotations

from pathlib import Path

from jupyter_server.base.handlers import JupyterHandler
from tornado.web import authenticated

from arbkit.core.settings import Settings
from arbkit.reports.run_folders import run_folder

ROUTE = r"/reports/([a-z][a-z0-9_-]{0,63})/([A-Za-z0-9-]{1,64})/report\.html"
_CHUNK = 1 << 20
_POLICY = "; ".join(
    (
        # A page of its own without an origin: a script in a title could not act in the name of the reader.
        "sandbox allow-scripts allow-popups allow-popups-to-escape-sandbox allow-downloads",
        "default-src 'none'",
        "script-src 'unsafe-inline' 'unsafe-eval' blob:",
        "style-src 'unsafe-inline'",
        "img-src data: blob:",
        "font-src data:",
        "worker-src blob:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self'",
    )
)


def report_file(settings: Settings, report: str, run: str) -> Path | None:
    """The HTML of a run (or of ``latest``, ``latest-successful``); None if there is none among the reports."""
    root = settings.reports_dir.resolve()
    path = (run_folder(root / report, run) / "report.html").resolve()
    return path if path.is_relative_to(root) and path.is_file() else None


def report_address(report: str, run: str) -> str:
    """The report's address relative to a dashboard's page."""
    return f"../../reports/{report}/{run}/report.html"


class ReportHandler(JupyterHandler):
    """Serves ``/reports/REPORT/RUN/report.html``."""

    def initialize(self, settings: Settings) -> None:
        """Take what the route was registered with."""
        self._arbkit = settings

    @authenticated
    async def get(self, report: str, run: str) -> None:
        """Send the report in pieces, or 404 with the reason."""
        path = report_file(self._arbkit, report, run)
        if path is None:
            self.set_status(404)
            self.set_header("Content-Type", "text/plain; charset=utf-8")
            self.finish(f"No report of {report} {run} here: it was removed, or made on another machine.\n")
            return
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                self.write(chunk)
                await self.flush()

    def set_default_headers(self) -> None:
        """Isolate the report, and keep it out of shared caches."""
        super().set_default_headers()
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Content-Security-Policy", _POLICY)
        self.set_header("Cache-Control", "private, no-cache")
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("X-Content-Type-Options", "nosniff")

    def compute_etag(self) -> None:
        """None: what is sent in pieces has no hash of the whole."""
