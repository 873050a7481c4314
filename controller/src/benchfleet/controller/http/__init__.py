"""What the controller says over HTTP: /metrics and /sd for Prometheus, /healthz."""
