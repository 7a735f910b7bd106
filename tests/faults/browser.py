"""Somebody's browser, as far as signing in and importing need one. Knows nothing of Django."""

import re
import urllib.error
import urllib.parse
import urllib.request

SECONDS = 30


class Browser:
    """Signs in and uploads as a browser does. Raises OSError or http.client.HTTPException when a server is in trouble.

    `address` may change at any time: cookies belong to every web host of the site.
    """

    def __init__(self, address: str) -> None:
        if not address:
            raise LookupError("the web server is not ready")
        self.address = address
        self._cookies: dict[str, str] = {}
        self._opener = urllib.request.build_opener(_StaysHere)

    def sign_in(self, name: str) -> None:
        """Sign in with the password of all test users. Raises LookupError when that is refused."""
        token = self._token("/accounts/login/")
        form = {"username": name, "password": "a password", "csrfmiddlewaretoken": token}
        status, _ = self._send("/accounts/login/", urllib.parse.urlencode(form).encode())
        if status not in {302, 303}:
            raise LookupError(f"the login was answered with {status}")

    def upload(self, name: str, content: bytes, *, duplicates: str = "skip", preview: bool = False) -> int:
        """Upload a file of this name; return the status of the answer."""
        token = self._token("/import/")
        fields = [("csrfmiddlewaretoken", token), ("duplicate_handling", duplicates)]
        fields += [("preview", "on")] if preview else []
        parts = [f'--x\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n' for key, value in fields]
        parts.append(f'--x\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n')
        body = "".join(parts).encode() + content + b"\r\n--x--\r\n"
        status, _ = self._send("/import/submit/", body, "multipart/form-data; boundary=x")
        return status

    def get(self, path: str) -> tuple[int, str]:
        """Return status and text of a page."""
        return self._send(path)

    def _token(self, path: str) -> str:
        _, page = self._send(path)
        found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
        if not found:
            raise LookupError("no form")
        return found[1]

    def _send(
        self, path: str, body: bytes | None = None, kind: str = "application/x-www-form-urlencoded"
    ) -> tuple[int, str]:
        headers = {
            "Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items()),
            "HX-Request": "true",
        }
        if body is not None:
            headers["Content-Type"] = kind
        request = urllib.request.Request(f"{self.address}{path}", body, headers)
        try:
            answer = self._opener.open(request, timeout=SECONDS)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            for cookie in answer.headers.get_all("Set-Cookie", ()):
                name, _, value = cookie.partition(";")[0].partition("=")
                self._cookies[name] = value
            return int(answer.status), answer.read().decode()


class _StaysHere(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: its answer carries the cookies of a login."""

    def redirect_request(self, *_arguments: object) -> None:
        return None
