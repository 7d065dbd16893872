"""The notifier: Alertmanager's messages, written for a phone and sent wherever NOTIFY_URLS says."""
