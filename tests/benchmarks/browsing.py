"""A person's browser without a browser: cookies, CSRF token, forms."""

import re
import urllib.request
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode

from tests.e2e.site import NAME, PASSWORD, Site


class Person:
    """Somebody who is logged in."""

    def __init__(self, site: Site, name: str = NAME) -> None:
        self._site = site
        self._cookies = CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._cookies))
        self.open("GET", "/accounts/login/")
        self.open("POST", "/accounts/login/", urlencode({"username": name, "password": PASSWORD}).encode())

    def open(self, method: str, path: str, body: bytes = b"", *, kind: str = "") -> str:
        """Return the text of a page; errors raise urllib.error.HTTPError."""
        request = urllib.request.Request(f"{self._site.url}{path}", method=method)
        request.add_header("HX-Request", "true")
        if method == "POST":
            token = next((cookie.value for cookie in self._cookies if cookie.name == "csrftoken"), "")
            request.data = body
            request.add_header("X-CSRFToken", token or "")
            request.add_header("Content-Type", kind or "application/x-www-form-urlencoded")
        with self._opener.open(request, timeout=60) as response:
            text: str = response.read().decode()
            return text

    def upload(self, path: Path, *, duplicates: str = "skip") -> int:
        """Upload a file on the import page and return the number of its job."""
        boundary = "a-boundary-that-no-export-holds"
        fields = f'--{boundary}\r\nContent-Disposition: form-data; name="duplicate_handling"\r\n\r\n{duplicates}\r\n'
        file = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{path.name}"\r\n\r\n'
        body = f"{fields}{file}".encode() + path.read_bytes() + f"\r\n--{boundary}--\r\n".encode()
        answer = self.open("POST", "/import/submit/", body, kind=f"multipart/form-data; boundary={boundary}")
        return max(int(number) for number in re.findall(r'id="job-(\d+)"', answer))

    def cancel(self, job: int) -> None:
        """Cancel a job."""
        self.open("POST", "/import/cancel/", urlencode({"import_job_id": job}).encode())

    def status(self, job: int) -> str:
        """Return the status of a job, as its row says."""
        found = re.search(r'data-status="(\w+)"', self.open("GET", f"/import/{job}/row/"))
        return found[1] if found else ""
