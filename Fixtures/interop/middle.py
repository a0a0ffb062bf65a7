"""What may stand between a client and the Hub: a proxy, or a server that speaks TLS with a certificate of its own."""

import http.client
import re
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

UNKNOWN_HOST = "hub.invalid"  # nobody but the proxy knows it


class Handler(BaseHTTPRequestHandler):
    """Passes a request on: to the host that it names, as a proxy is asked; of a path /to/PORT/…, to that port of this
    machine; else to the Hub.
    """

    def pass_on(self):
        middle, url = self.server, urlsplit(self.path)
        middle.passed.append(self.path)
        path = url.path + (f"?{url.query}" if url.query else "")
        port = middle.port_of_hub if url.hostname in (None, UNKNOWN_HOST) else url.port
        if found := re.match(r"/to/(\d+)(/.*)", path):
            port, path = int(found[1]), found[2]
        there = http.client.HTTPConnection("127.0.0.1", port)
        there.request(self.command, path, headers={k: v for k, v in self.headers.items() if k.lower() != "connection"})
        answer = there.getresponse()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() == "location" and middle.address.startswith("https"):
                # By another name, as the host of large files is another.
                value = re.sub(r"^http://localhost:(\d+)", rf"https://127.0.0.1:{middle.server_port}/to/\1", value)
            if name.lower() not in ("connection", "date", "server"):
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.read())

    do_GET = do_HEAD = pass_on

    def log_message(self, *_):
        pass


class Middle(ThreadingHTTPServer):
    """- certificate: The file to write one to, for TLS; None for none."""

    daemon_threads = True

    def __init__(self, endpoint, certificate=None):
        super().__init__(("127.0.0.1", 0), Handler)
        self.port_of_hub, self.passed = urlsplit(endpoint).port, []
        self.address = f"http://localhost:{self.server_port}"
        if certificate:
            self.address = f"https://localhost:{self.server_port}"
            key = certificate.with_suffix(".key")
            command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                       "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", certificate]
            subprocess.run(command, check=True, capture_output=True)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
            self.socket = context.wrap_socket(self.socket, server_side=True)
        threading.Thread(target=self.serve_forever, daemon=True).start()
