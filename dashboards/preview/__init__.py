"""Pictures of the dashboards, drawn by Grafana's own code from the recording of a real pair.

For people who look before they install. For development alone: Node, Chromium, and Prometheus for the recording.
"""
