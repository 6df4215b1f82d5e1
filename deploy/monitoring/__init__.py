"""What watches an installation: Prometheus, its rules, Grafana and its dashboards, for docker-compose."""
