# Runs moto's server on a free port of 127.0.0.1, prints the port, and ends
# when standard input ends.
import os
import sys
import threading

from moto.dynamodb.models import dynamo_type
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server

# moto's limit of an item's size counts bytes as base64, a third too much.
dynamo_type.LimitedSizeDict.__setitem__ = dict.__setitem__

dispatcher = DomainDispatcherApplication(create_backend_app)
one_at_a_time = threading.Lock()


def needs_lock(environ):
    # moto checks a condition and writes in two steps, without a lock, and reads
    # an object of S3 while another request replaces it.
    return environ.get("HTTP_X_AMZ_TARGET", "").startswith(
        "DynamoDB_"
    ) or "/s3/aws4_request" in environ.get("HTTP_AUTHORIZATION", "")


def application(environ, start_response):
    if needs_lock(environ):
        with one_at_a_time:
            return dispatcher(environ, start_response)
    return dispatcher(environ, start_response)


def end_with_input():
    sys.stdin.buffer.read()
    os._exit(0)


server = make_server(
    "127.0.0.1", 0, application, threaded=True, request_handler=MotoRequestHandler
)
os.environ["MOTO_PORT"] = str(server.server_port)
threading.Thread(target=end_with_input, daemon=True).start()
print(server.server_port, flush=True)
server.serve_forever()
