"""Tell the container engine whether the API in this container answers."""

import os
import sys
from http.client import HTTPConnection, HTTPException


def main() -> int:
    """Return 0 where `GET /api/v1/health` answers 200 on loopback, else 1."""
    connection = HTTPConnection("127.0.0.1", int(os.environ.get("YUNEI_PORT", "8420")), timeout=4)
    try:
        connection.request("GET", "/api/v1/health")
        return 0 if connection.getresponse().status == 200 else 1
    except (OSError, HTTPException):
        return 1
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
