"""Where the HTTP API lies; written down once, for the service, its clients and what manifests point at."""

PREFIX = "/api/v1"
