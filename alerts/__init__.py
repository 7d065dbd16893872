"""Alert rules, their thresholds and generator, and the configuration of Alertmanager."""
