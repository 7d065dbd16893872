"""Pictures of the dashboards, drawn from the recording of a real pair: for people who look before they install.

They show each panel's own queries, words, colours and units, not Grafana's own drawing. For development alone: it needs
matplotlib, and Prometheus for the recording.
"""
