"""The pair in Home Assistant, by MQTT discovery: each node tells of itself, and one of them of the pair."""
