"""The annotation server on a free loopback port, and a small client."""

import contextlib
import dataclasses
import http.client
import json
import threading

import uvicorn

from ytvos_keras.annotate.serve import listen
from ytvos_keras.annotate.server import make_app

TOKEN = "secret"


@dataclasses.dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    content: bytes

    def json(self):
        return json.loads(self.content)


class Client:
    def __init__(self, port: int):
        self.port = port
        self.address = f"http://127.0.0.1:{port}/{TOKEN}/"

    def request(self, method, path, content=None, headers=None, json_body=None, prefix=TOKEN):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        body = content if json_body is None else json.dumps(json_body)
        path = f"/{prefix}{path}" if prefix else path
        with contextlib.closing(connection):
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def post(self, path, json=None):
        return self.request("POST", path, json_body=json)

    def patch(self, path, json):
        return self.request("PATCH", path, json_body=json)

    def put(self, path, content):
        return self.request("PUT", path, content)

    def delete(self, path):
        return self.request("DELETE", path)

    @contextlib.contextmanager
    def stream(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", f"/{TOKEN}{path}")
        answer = connection.getresponse()
        try:
            yield answer
        finally:
            answer.close()
            connection.close()


@contextlib.contextmanager
def running_server(workspace):
    """Run the server in a thread and yield a client."""
    with listen(0) as listener:
        port = listener.getsockname()[1]
        app = make_app(workspace, TOKEN, frozenset({f"127.0.0.1:{port}"}))
        config = uvicorn.Config(
            app, log_level="warning", lifespan="off", timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield Client(port)
        finally:
            server.should_exit = True
            thread.join()
