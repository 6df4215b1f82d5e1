"""Pictures of the dashboard for the README: `python docs/screenshots.py ADDRESS`, the address of a running `leadstream dashboard`.

Needs Chromium. The picture of a lead is of the hottest one.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from urllib.parse import quote

FOLDER = Path(__file__).parent / "dashboard"


def main() -> int:
    if len(sys.argv) != 2 or (chromium := shutil.which("chromium")) is None:
        sys.stderr.write(__doc__ or "")
        return 64
    address = sys.argv[1].rstrip("/")
    with urllib.request.urlopen(f"{address}/api/leads", timeout=60) as answer:  # noqa: S310 - the address of our own page
        hottest = json.load(answer)["leads"][0]["lead_id"]
    FOLDER.mkdir(exist_ok=True)
    for name, screen in (("funnel", "funnel"), ("channels", "channels"), ("leads", "leads"), ("lead", f"lead?id={quote(hottest)}"), ("health", "health")):
        with tempfile.TemporaryDirectory() as profile:
            flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={profile}", "--window-size=1200,900", "--virtual-time-budget=8000"]
            subprocess.run([chromium, *flags, f"--screenshot={FOLDER / name}.png", f"{address}/#{screen}"], check=True, capture_output=True)  # noqa: S603
    return 0


if __name__ == "__main__":
    sys.exit(main())
