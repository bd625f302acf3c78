"""A shop to subscribe at, for trying the template `webhook` without an account.

It takes `POST /hooks`, answers with an id and a signing secret, and takes
`DELETE /hooks/ID`. It listens on 127.0.0.1:8080, keeps nothing and sends nothing.
"""

import base64
import http.server
import itertools
import json
import os


class Shop(http.server.BaseHTTPRequestHandler):
    ids = itertools.count(1)

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        secret = "whsec_" + base64.b64encode(os.urandom(24)).decode()
        self.answer(201, json.dumps({"id": next(Shop.ids), "secret": secret}))

    def do_DELETE(self):
        self.answer(204, "")

    def answer(self, status, body):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body.encode())


http.server.HTTPServer(("127.0.0.1", 8080), Shop).serve_forever()
